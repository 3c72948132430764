! The losses of two rows from Fortran: the struct of pyce.h as a derived type with bind(C).
!
!     gfortran tutorial.f90 $(pyce config --libs) -o tutorial && ./tutorial
program tutorial
  use, intrinsic :: iso_c_binding
  implicit none

  ! The numbers of pyce.h. The layout is the same on every machine: a pointer takes eight bytes in every struct.
  integer(c_int32_t), parameter :: pyce_ok = 0, pyce_sparse_softmax = 4, pyce_float64 = 2, pyce_int32 = 13
  integer, parameter :: max_ndim = 8, message_size = 256

  type, bind(C) :: array ! pyce_array and pyce_output; pointers of 64 bits
    integer(c_int64_t) :: stride(max_ndim) = 0
    type(c_ptr) :: data = c_null_ptr
    integer(c_int32_t) :: dtype = 0, reserved = 0
  end type array

  type, bind(C) :: call_args ! pyce_args
    integer(c_int64_t) :: struct_size = 0, shape(max_ndim) = 0
    type(array) :: logits, labels, pos_weight, sample_weight, where, class_weight, vector
    type(array) :: loss, grad, hess, lse, prob, log_prob, correct, labels_grad, hvp
    real(c_double) :: label_smoothing = 0, denominator_value = 0
    integer(c_int64_t) :: ignore_index = 0
    integer(c_int32_t) :: loss_kind = 0, ndim = 0, axis = 0, num_threads = 0, isa = 0, reduction = 0
    integer(c_int32_t) :: denominator = 0, has_ignore_index = 0
  end type call_args

  type, bind(C) :: call_error ! pyce_error
    integer(c_int64_t) :: struct_size = 0, index = -1, value = 0
    integer(c_int32_t) :: status = 0, argument = 0
    character(kind=c_char) :: message(message_size) = c_null_char
  end type call_error

  interface
    integer(c_int32_t) function pyce_compute(args, error) bind(C)
      import :: c_int32_t, call_args, call_error
      type(call_args), intent(in) :: args
      type(call_error), intent(inout) :: error
    end function pyce_compute
  end interface

  ! Fortran stores the first axis contiguously: classes come first here, and rows are columns.
  real(c_double), target :: logits(3, 2) = reshape([2d0, 0.5d0, 1d0, 0.1d0, 1d0, 3d0], [3, 2])
  integer(c_int32_t), target :: labels(2) = [1, 2] ! classes count from 0
  real(c_double), target :: loss(2), grad(3, 2)
  type(call_args) :: args
  type(call_error) :: error

  args%struct_size = c_sizeof(args)
  error%struct_size = c_sizeof(error)
  args%loss_kind = pyce_sparse_softmax
  args%ndim = 2
  args%axis = 1
  args%shape(1:2) = [2_c_int64_t, 3_c_int64_t]
  args%logits = view(c_loc(logits), pyce_float64, 3, 1)
  args%labels = view(c_loc(labels), pyce_int32, 1, 0)
  args%loss = view(c_loc(loss), pyce_float64, 1, 0)
  args%grad = view(c_loc(grad), pyce_float64, 3, 1)
  if (pyce_compute(args, error) /= pyce_ok) then
    print '(*(a))', error%message
    error stop 1
  end if
  print '(2(g0, 1x))', loss
  print '(3(g0, 1x))', grad

contains

  type(array) function view(data, dtype, row_stride, class_stride)
    type(c_ptr), intent(in) :: data
    integer(c_int32_t), intent(in) :: dtype
    integer, intent(in) :: row_stride, class_stride
    view%data = data
    view%dtype = dtype
    view%stride(1:2) = [int(row_stride, c_int64_t), int(class_stride, c_int64_t)]
  end function view
end program tutorial
