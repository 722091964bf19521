"""How Beam runs where no cluster runs it."""

# Beam's own default for local runs asks for a job server that would have to be downloaded.
BEAM_ARGS = ("--runner=FnApiRunner", "--direct_running_mode=in_memory")
