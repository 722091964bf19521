"""The containers of Kubeflow Pipelines and Vertex AI: what runs in them."""
