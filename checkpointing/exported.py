"""Weights as files that need neither this project nor its checkpoints: ONNX, and torch.export's .pt2."""

import io
import json
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from checkpointing.checkpoint import Checkpoint
from evaluation.calibration import features_and_logits

OPSET = 20
EXAMPLE = torch.zeros(2, 1, 28, 28)  # of the ink of a batch, to trace a network
OUTPUTS = ("logits", "features", "novelty")  # the last one if the weights are calibrated
MEANING = {
    "input": "ink: float32 (N, 1, 28, 28), 0 for paper, 1 for full ink; the longest side of the digit is 20 "
    "pixels, its centre of mass lies at pixel (14, 14), as in MNIST's images divided by 255",
    "logits": "float32 (N, classes): softmax gives calibrated probabilities",
    "features": "float32 (N, 704), of which the novelty is the distance from those of digits",
    "novelty": "float32 (N,): above 1, the ink is no digit",
    "licence": "MIT",
}


class NetworkWithNovelty(nn.Module):
    """A network whose outputs are all that reading digits needs.

    Args:
        weights: the network and, if it is calibrated, its novelty detector.
    """

    def __init__(self, weights: Checkpoint) -> None:
        super().__init__()
        self.model = weights.model.to(memory_format=torch.contiguous_format)
        self.detector = weights.calibration
        self.output_names = OUTPUTS if self.detector else OUTPUTS[:2]

    def forward(self, ink: Tensor) -> tuple[Tensor, ...]:
        """Return logits, features and, if the network is calibrated, the novelty.

        Args:
            ink: float32, (N, 1, 28, 28), in [0, 1].
        """
        features, logits = features_and_logits(self.model, ink)
        if self.detector is None:
            return logits, features
        return logits, features, self.detector.distance(features)


def metadata(weights: Checkpoint, precision: str) -> dict[str, str]:
    """Return what an exported file says of itself; values that are not plain text are JSON.

    Args:
        weights: what is exported.
        precision: "float32" or "int8".
    """
    threshold = weights.calibration and weights.calibration.threshold  # in units of the features' distance
    return {
        "architecture": type(weights.model).__name__,
        "precision": precision,
        "class_names": json.dumps(weights.class_names),
        "checkpoint_sha256": weights.sha256,
        "calibration": json.dumps({"novelty_threshold": threshold} if threshold else None),
        "learned_from": json.dumps(weights.learned_from()),
        "validation": json.dumps(weights.validation),
        **MEANING,
    }


def to_pt2(weights: Checkpoint) -> bytes:
    """Return weights as a .pt2 file, with its metadata as JSON in the extra file "metadata.json"."""
    file, description = io.BytesIO(), json.dumps(metadata(weights, "float32"))
    program = _program(NetworkWithNovelty(weights), EXAMPLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about weights on a GPU
        torch.export.save(program, file, extra_files={"metadata.json": description})
    return file.getvalue()


def to_onnx(weights: Checkpoint) -> bytes:
    """Return weights as an ONNX file with metadata."""
    network = NetworkWithNovelty(weights)
    return network_to_onnx(network, {"ink": EXAMPLE}, network.output_names, metadata(weights, "float32"))


def network_to_onnx(
    network: nn.Module,
    inputs: dict[str, Tensor],
    outputs: Sequence[str],
    description: dict[str, str],
) -> bytes:
    """Return a network as an ONNX file for batches of any size.

    Args:
        network: in any mode; it is exported in evaluation mode.
        inputs: an example of each input by its name, with a batch of 2.
        outputs: names of the outputs.
        description: the file's metadata.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about PyTorch's own functions
        program = torch.onnx.export(
            _program(network, *inputs.values()),
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=outputs,
            verbose=False,
        )
    model = program.model_proto  # a copy
    graph = model.graph
    del graph.value_info[:]  # shapes that any runtime infers
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]  # how the exporter found each node
    for tensor in (*graph.input, *graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "N"
    return _with_metadata(model.SerializeToString(), description)


def quantized(weights: Checkpoint, content: bytes, images: Iterable[np.ndarray]) -> bytes:
    """Return weights as an ONNX file that computes in int8.

    Weights have a scale for each channel, activations the range that the images give them.

    Args:
        weights: what is exported.
        content: the file in float32, from `to_onnx`.
        images: batches of ink, float32 (N, 1, 28, 28), to calibrate on.
    """
    from onnxruntime import quantization

    class Images(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.batches = iter(images)

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self.batches, None)
            return None if batch is None else {"ink": batch}

    with tempfile.TemporaryDirectory() as folder:
        before, simplified, after = (Path(folder, name) for name in ("before", "simplified", "after"))
        before.write_bytes(content)
        # Shapes need no symbolic inference; convolution and ReLU become one.
        quantization.quant_pre_process(before, simplified, skip_symbolic_shape=True)
        # x86 processors multiply unsigned by signed integers three times as fast as signed ones.
        unsigned = quantization.QuantType.QUInt8
        quantization.quantize_static(simplified, after, Images(), per_channel=True, activation_type=unsigned)
        return _with_metadata(after.read_bytes(), metadata(weights, "int8"))


def _program(network: nn.Module, *examples: Tensor) -> torch.export.ExportedProgram:
    """Trace a network for batches of any size, without the paths of its source files."""
    shapes = ({0: torch.export.Dim("batch", min=1)},) * len(examples)
    program = torch.export.export(network.eval(), examples, dynamic_shapes=shapes)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program


def _with_metadata(content: bytes, description: dict[str, str]) -> bytes:
    """Return a checked ONNX file with this metadata alone."""
    import onnx

    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, description)
    onnx.checker.check_model(model)
    return model.SerializeToString()
