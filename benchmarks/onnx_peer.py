"""onnxruntime: each cell is a small graph of standard operators, run with its inputs and results bound to arrays.

ONNX has operators for the softmax losses, which onnxruntime runs as functions of several nodes, and has none for the
gradients, so the graphs are written out here.
"""

import numpy as np
from problem import Prepared, Problem

TYPES = {"float32": "float", "float64": "double", "float16": "float16", "bfloat16": "bfloat16"}

SPARSE_LOSS = """
log_prob = LogSoftmax <axis = {axis}> (x)
at_label = GatherElements <axis = {axis}> (log_prob, y)
loss_ = Neg (at_label)
"""
SPARSE_GRAD = """
prob = Exp (log_prob)
minus_one = Sub (loss_, loss_)
minus_ones = Sub (minus_one, one)
grad_ = ScatterElements <axis = {axis}, reduction = "add"> (prob, y, minus_ones)
"""
DENSE_LOSS = """
log_prob = LogSoftmax <axis = {axis}> (x)
products = Mul (log_prob, t)
axes = Constant <value_ints = [{axis}]> ()
minus_loss = ReduceSum <keepdims = 1> (products, axes)
loss_ = Neg (minus_loss)
"""
DENSE_GRAD = """
prob = Exp (log_prob)
grad_ = Sub (prob, t)
"""
LOG_PART = """
absolute = Abs (x)
below = Neg (absolute)
small = Exp (below)
more = Add (small, one)
log_part = Log (more)
"""
SIGMOID_LOSS = (
    LOG_PART
    + """
above = Relu (x)
product = Mul (x, t)
part = Sub (above, product)
loss_ = Add (part, log_part)
"""
)
SIGMOID_GRAD = """
prob = Sigmoid (x)
grad_ = Sub (prob, t)
"""
WEIGHTED_LOSS = (
    LOG_PART
    + """
minus_x = Neg (x)
above = Relu (minus_x)
softplus = Add (log_part, above)
excess = Sub (q, one)
weighted_labels = Mul (excess, t)
weight = Add (weighted_labels, one)
second = Mul (weight, softplus)
others = Sub (one, t)
first = Mul (others, x)
loss_ = Add (first, second)
"""
)
WEIGHTED_GRAD = """
prob = Sigmoid (x)
weighted_prob = Mul (weight, prob)
positive = Mul (q, t)
grad_ = Sub (weighted_prob, positive)
"""
BODIES = {
    "sparse": (SPARSE_LOSS, SPARSE_GRAD),
    "softmax": (DENSE_LOSS, DENSE_GRAD),
    "sigmoid": (SIGMOID_LOSS, SIGMOID_GRAD),
    "weighted": (WEIGHTED_LOSS, WEIGHTED_GRAD),
}


def name_inputs(p: Problem) -> dict[str, np.ndarray]:
    """Return the inputs of the graph by name."""
    if p.cell.loss == "sparse":
        return {"x": p.logits, "y": np.expand_dims(p.labels, p.axis)}
    inputs = {"x": p.logits, "t": p.labels}
    return {**inputs, "q": p.pos_weight} if p.cell.loss == "weighted" else inputs


def name_outputs(p: Problem) -> dict[str, np.ndarray]:
    """Return the results of the graph by name; the loss keeps the class axis, with length 1."""
    loss = p.loss if p.cell.binary else np.expand_dims(p.loss, p.axis)
    # without a way to overwrite an input, a gradient in place is one into another array
    return {"loss": loss, "grad": p.scratch[0] if p.in_place else p.grad} if p.with_grad else {"loss": loss}


def describe(arrays: dict[str, np.ndarray], prefix: str = "") -> str:
    """Write the types, shapes and names of inputs or outputs."""
    return ", ".join(
        f"{TYPES.get(array.dtype.name, array.dtype.name)}[{','.join(map(str, array.shape))}] {prefix}{name}"
        for name, array in arrays.items()
    )


def write_model(p: Problem, inputs: dict[str, np.ndarray], outputs: dict[str, np.ndarray]) -> bytes:
    """Write the graph; half types are cast to float and back, for few operators take them."""
    import onnx

    half, type_name = p.dtype.itemsize == 2, TYPES[p.dtype.name]
    kinds = {"float": 1, "float16": 10, "double": 11, "bfloat16": 16}
    loss_body, grad_body = BODIES[p.cell.loss]
    lines = [f"one = Constant <value = {'double' if type_name == 'double' else 'float'} {{1.0}}> ()"]
    prefixes = {name: "given_" if half and name != "y" else "" for name in inputs}
    lines += [f"{name} = Cast <to = 1> (given_{name})" for name, prefix in prefixes.items() if prefix]
    lines += [(loss_body + (grad_body if p.with_grad else "")).format(axis=p.axis % len(p.cell.shape))]
    finish = f"Cast <to = {kinds[type_name]}>" if half else "Identity"
    lines += [f"{name} = {finish} ({name}_)" for name in outputs]
    given = ", ".join(describe({name: array}, prefixes[name]) for name, array in inputs.items())
    text = f'<ir_version: 8, opset_import: ["": 18]>\ncell ({given}) => ({describe(outputs)}) {{\n'
    model = onnx.parser.parse_model(text + "\n".join(lines) + "\n}")
    onnx.checker.check_model(model)
    return model.SerializeToString()


def make_onnxruntime(p: Problem) -> Prepared:
    """Run the graph with IOBinding, so that results go into the same arrays again."""
    import onnx
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = p.threads, 1
    settings.log_severity_level = 3
    settings.add_session_config_entry("session.force_spinning_stop", "1")  # its threads leave the cores to the next
    inputs, outputs = name_inputs(p), name_outputs(p)
    model = write_model(p, inputs, outputs)
    session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    binding = session.io_binding()

    def bind(give: object, name: str, array: np.ndarray) -> None:
        dtype = onnx.TensorProto.DataType.Value(
            {"float64": "DOUBLE", "float32": "FLOAT"}.get(array.dtype.name, array.dtype.name.upper())
        )
        give(name=name, device_type="cpu", device_id=0, element_type=dtype, shape=array.shape,
             buffer_ptr=array.ctypes.data)  # fmt: skip

    for (name, array), node in zip(inputs.items(), session.get_inputs(), strict=True):
        bind(binding.bind_input, node.name, np.ascontiguousarray(array))
        inputs[name] = array
    for name, array in outputs.items():
        bind(binding.bind_output, name, array)
    results = (p.loss, outputs["grad"]) if p.with_grad else (p.loss,)

    def run() -> tuple[np.ndarray, ...]:
        session.run_with_iobinding(binding)
        return results

    return Prepared(run)
