/* kernels.c: the numerical kernels, compiled once per instruction set (CMakeLists.txt; PYCE_KERNELS is the name of the
 * table). No call, no allocation, no thread, no branch on a type: the driver chooses from the table. */
#include "kernels.h"

#include "dtypes.h"
#include "vmath.h"
#include "sums.h"

#if !defined(PYCE_KERNELS)
#define PYCE_KERNELS pyce_kernels_baseline
#endif

#include "real_f32.h"
#include "formulas_tmpl.h"
#include "labels_tmpl.h"
#include "states_tmpl.h"
#include "scalars_tmpl.h"
#include "rows_tmpl.h"
#include "binary_tmpl.h"
#include "memory_tmpl.h"
#include "transpose_tmpl.h"
#include "options_tmpl.h"
static const kernel_set set_f32 = KERNEL_SET;
#undef KERNEL_SET
#undef BY_DTYPE
#include "real_undef.h"

#include "real_f64.h"
#include "formulas_tmpl.h"
#include "labels_tmpl.h"
#include "states_tmpl.h"
#include "scalars_tmpl.h"
#include "rows_tmpl.h"
#include "binary_tmpl.h"
#include "memory_tmpl.h"
#include "transpose_tmpl.h"
#include "options_tmpl.h"
static const kernel_set set_f64 = KERNEL_SET;
#undef KERNEL_SET
#undef BY_DTYPE
#include "real_undef.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define NEEDS (KERNEL_NEEDS_AVX2 | KERNEL_NEEDS_AVX512)
#elif defined(__AVX2__) && defined(__FMA__)
#define NEEDS KERNEL_NEEDS_AVX2
#else
#define NEEDS 0
#endif

const kernels PYCE_KERNELS = {NEEDS, &set_f32, &set_f64, fold_sums, total_of, invert};
