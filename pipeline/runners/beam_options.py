"""Options of Beam for runs without a cluster."""

BEAM_ARGS = (
    # Beam's default for local runs needs a job server that would have to be downloaded.
    "--runner=FnApiRunner",
    "--direct_running_mode=in_memory",
    # The workers run in this process and need no image. Without this option TFX packs its sources for remote workers
    # in each component: this takes seconds, and leaves 50 MB in the folder of temporary files.
    "--sdk_container_image=none",
)
