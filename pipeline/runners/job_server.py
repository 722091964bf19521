"""The check of a Beam job server before a run."""

from __future__ import annotations

import grpc
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from schemas.config.beam import BeamConfig
from schemas.errors import InputError

_ANSWER_S = 5.0


def check_job_server(beam: BeamConfig) -> None:
    """Check that the job server answers, and in Beam's protocol.

    Args:
        beam: the engine.

    Raises:
        InputError: it does not.
    """
    if beam.job_endpoint is None:
        return
    with grpc.insecure_channel(beam.job_endpoint) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=_ANSWER_S)
            service = beam_job_api_pb2_grpc.JobServiceStub(channel)
            service.DescribePipelineOptions(beam_job_api_pb2.DescribePipelineOptionsRequest(), timeout=_ANSWER_S)
        except grpc.FutureTimeoutError:
            raise InputError(
                expected=f"a job server of Beam at beam.job_endpoint, {beam.job_endpoint}",
                received=f"no connection within {_ANSWER_S:.0f} s",
                remedy="start the job server, or correct the address; from a container, localhost is the container",
            ) from None
        except grpc.RpcError as error:
            raise InputError(
                expected=f"a job server of Beam at beam.job_endpoint, {beam.job_endpoint}",
                received=f"a server that answered {error.code().name}: {error.details()}",
                remedy="give the address of the job service, and use a job server of the installed version of Beam",
            ) from None
