"""The container images, run by a container engine: `make image-test` builds them and starts these tests."""
