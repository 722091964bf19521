"""How Beam runs where no cluster runs it."""

BEAM_ARGS = (
    # Beam's own default for local runs asks for a job server that would have to be downloaded.
    "--runner=FnApiRunner",
    "--direct_running_mode=in_memory",
    # The workers are in this process and need no image. With none named, TFX packs itself for workers
    # elsewhere, each component anew: seconds, and 50 MB that stay in the folder of temporary files.
    "--sdk_container_image=none",
)
