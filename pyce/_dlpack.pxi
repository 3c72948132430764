# DLPack, which can name bfloat16, of which NumPy knows nothing: for _intake.py. Part of _core.pyx.
#
# dlpack.h, versions before 1 (the tensor comes first) and 1.
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    DLPACK_UINT = 1
    DLPACK_BFLOAT = 4

cdef struct DLTensor:
    void *data
    int32_t device[2]
    int32_t ndim
    uint8_t code
    uint8_t bits
    uint16_t lanes
    int64_t *shape
    int64_t *strides
    uint64_t byte_offset

cdef struct DLManagedTensorVersioned:
    uint32_t major
    uint32_t minor
    void *manager
    void *deleter
    uint64_t flags
    DLTensor tensor


def relabel_bfloat16(capsule):
    """(whether the export is bfloat16, whether it can say that it is read-only).

    bfloat16 is relabelled as uint16, which NumPy reads. An export's description is its own: nobody else sees this.
    """
    cdef DLTensor *tensor
    cdef DLManagedTensorVersioned *managed
    cdef bint versioned = PyCapsule_IsValid(capsule, "dltensor_versioned")
    if versioned:
        managed = <DLManagedTensorVersioned *>PyCapsule_GetPointer(capsule, "dltensor_versioned")
        if managed.major != 1:
            return False, True
        tensor = &managed.tensor
    else:
        tensor = <DLTensor *>PyCapsule_GetPointer(capsule, "dltensor")
    if tensor.code != DLPACK_BFLOAT or tensor.bits != 16 or tensor.lanes != 1:
        return False, versioned
    tensor.code = DLPACK_UINT
    return True, versioned
