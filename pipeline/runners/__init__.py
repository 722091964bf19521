"""Orchestrators: this machine, Kubeflow Pipelines, Vertex AI."""
