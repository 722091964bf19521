"""Components that look at the outside world: at files that no other component wrote.

A looker returns a short text. Later components take it as a parameter, not as an artifact: a parameter is part of
every orchestrator's cache key by its value. So they run again if the text has changed, and only then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from tfx.dsl.components.base import base_driver as component_driver
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.orchestration.portable import base_driver, data_types
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import artifact_utils

from components.common.tfx_types import Artifacts, Properties

SEEN = "seen"  # the output, and the property with which the driver passes the text to the executor


class Looker(ABC):
    """What a looker's driver and executor have in common."""

    @staticmethod
    @abstractmethod
    def look(inputs: Artifacts, properties: Properties) -> str:
        """Return the text.

        Args:
            inputs: the artifacts of the component by input.
            properties: its parameters by name.
        """


class LookerDriver(Looker, component_driver.BaseDriver, base_driver.BaseDriver):
    """TFX's driver for a local run: it looks before the cache is asked, and the text is part of the cache key.

    TFX checks a component for the one base class, and calls the interface of the other.
    """

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Look, and return the text as the property `seen`.

        Args:
            execution_info: the inputs and parameters of the component.

        Returns:
            The property.
        """
        output = driver_output_pb2.DriverOutput()
        seen = self.look(execution_info.input_dict, execution_info.exec_properties)
        output.exec_properties[SEEN].string_value = seen
        return output


class LookerExecutor(Looker, BaseExecutor):
    """The executor: it writes what the driver saw. A cluster has no driver of ours, so there the executor looks."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Write the text to the output `seen`.

        Args:
            input_dict: the artifacts of the component by input.
            output_dict: a `String`, as `seen`.
            exec_properties: the parameters, after a driver also the text.
        """
        seen = exec_properties.get(SEEN)
        text = self.look(input_dict, exec_properties) if seen is None else seen
        artifact_utils.get_single_instance(output_dict[SEEN]).write(text)
