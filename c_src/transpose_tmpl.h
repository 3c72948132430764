/* transpose_tmpl.h: rows of few classes to and from a matrix (classes, rows) in scratch, whose rows are padded to a
 * multiple of VECTOR_ROWS. Template, see formulas_tmpl.h.
 *
 * Where the classes of a row are neighbours in memory, four rows of four classes at a time, or a vector's places of
 * rows, are transposed in vectors: one by one they took longer than the losses of ten classes. The classes that remain
 * of a row are a vector, too, if what follows them in memory are the next rows of the same block. */

#if HAVE_SHUFFLE
typedef real NAME(quad) __attribute__((vector_size(4 * sizeof(real))));

PYCE_INLINE void NAME(transpose_quads)(real *const *to, const real *const *from, int64_t offset) {
    NAME(quad) a, b, c, d, ab, cd, ab_2, cd_2;
    memcpy(&a, from[0] + offset, sizeof a);
    memcpy(&b, from[1] + offset, sizeof b);
    memcpy(&c, from[2] + offset, sizeof c);
    memcpy(&d, from[3] + offset, sizeof d);
    ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    ab_2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    cd_2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    a = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    b = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    c = __builtin_shufflevector(ab_2, cd_2, 0, 1, 4, 5);
    d = __builtin_shufflevector(ab_2, cd_2, 2, 3, 6, 7);
    memcpy(to[0], &a, sizeof a);
    memcpy(to[1], &b, sizeof b);
    memcpy(to[2], &c, sizeof c);
    memcpy(to[3], &d, sizeof d);
}
#else
PYCE_INLINE void NAME(transpose_quads)(real *const *to, const real *const *from, int64_t offset) {
    int j, k;
    for (j = 0; j < 4; j++) {
        for (k = 0; k < 4; k++) to[k][j] = from[j][offset + k];
    }
}
#endif

/* As many rows as a vector has places, four classes at a time: losses of 2 to 100 classes take 0.9 of the time. Place r
 * of a line is row r, so the rows of one vector before the transposition are four apart. */
#define QUADS (VECTOR_BYTES / (MANTISSA == 23 ? 16 : 32))
#if HAVE_SHUFFLE && QUADS > 1
#define WIDE_ROWS (4 * QUADS)
typedef real NAME(wide) __attribute__((vector_size(WIDE_ROWS * sizeof(real))));
#if QUADS == 4
#define IN_QUADS(a, b, c, d)                                                                                      \
    a, b, c, d, (a) + 4, (b) + 4, (c) + 4, (d) + 4, (a) + 8, (b) + 8, (c) + 8, (d) + 8, (a) + 12, (b) + 12, (c) + 12, \
        (d) + 12
#else
#define IN_QUADS(a, b, c, d) a, b, c, d, (a) + 4, (b) + 4, (c) + 4, (d) + 4
#endif

/* The 4 x 4 matrices of four vectors, in place */
PYCE_INLINE void NAME(transpose_wide)(NAME(wide) *v) {
    const NAME(wide) ab = __builtin_shufflevector(v[0], v[1], IN_QUADS(0, WIDE_ROWS, 1, WIDE_ROWS + 1));
    const NAME(wide) cd = __builtin_shufflevector(v[2], v[3], IN_QUADS(0, WIDE_ROWS, 1, WIDE_ROWS + 1));
    const NAME(wide) ab_2 = __builtin_shufflevector(v[0], v[1], IN_QUADS(2, WIDE_ROWS + 2, 3, WIDE_ROWS + 3));
    const NAME(wide) cd_2 = __builtin_shufflevector(v[2], v[3], IN_QUADS(2, WIDE_ROWS + 2, 3, WIDE_ROWS + 3));
    v[0] = __builtin_shufflevector(ab, cd, IN_QUADS(0, 1, WIDE_ROWS, WIDE_ROWS + 1));
    v[1] = __builtin_shufflevector(ab, cd, IN_QUADS(2, 3, WIDE_ROWS + 2, WIDE_ROWS + 3));
    v[2] = __builtin_shufflevector(ab_2, cd_2, IN_QUADS(0, 1, WIDE_ROWS, WIDE_ROWS + 1));
    v[3] = __builtin_shufflevector(ab_2, cd_2, IN_QUADS(2, 3, WIDE_ROWS + 2, WIDE_ROWS + 3));
}

/* Four classes of QUADS rows, four rows apart */
PYCE_INLINE NAME(wide) NAME(gather_quads)(const real *from, int64_t row_stride) {
    NAME(quad) q[QUADS];
    int i;
    for (i = 0; i < QUADS; i++) memcpy(q + i, from + 4 * i * row_stride, sizeof *q);
#if QUADS == 4
    {
        typedef real half __attribute__((vector_size(8 * sizeof(real))));
        const half low = __builtin_shufflevector(q[0], q[1], 0, 1, 2, 3, 4, 5, 6, 7);
        const half high = __builtin_shufflevector(q[2], q[3], 0, 1, 2, 3, 4, 5, 6, 7);
        return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    }
#else
    return __builtin_shufflevector(q[0], q[1], 0, 1, 2, 3, 4, 5, 6, 7);
#endif
}

/* Row r's four classes are in vector r % 4; upwards, see lines_to_rows. */
PYCE_INLINE void NAME(scatter_quads)(real *to, int64_t row_stride, const NAME(wide) *v) {
    int i;
    for (i = 0; i < WIDE_ROWS; i++) {
        memcpy(to + i * row_stride, (const real *)(v + i % 4) + i / 4 * 4, 4 * sizeof *to);
    }
}

PYCE_INLINE void NAME(wide_to_lines)(real *to, int64_t to_rows, const real *from, int64_t row_stride, int64_t classes) {
    int64_t c, k;
    for (c = 0; c < classes; c += 4) {
        NAME(wide) v[4];
        for (k = 0; k < 4; k++) v[k] = NAME(gather_quads)(from + c + k * row_stride, row_stride);
        NAME(transpose_wide)(v);
        for (k = 0; k < 4 && c + k < classes; k++) memcpy(to + (c + k) * to_rows, v + k, sizeof *v);
    }
}

PYCE_INLINE void NAME(wide_to_rows)(real *to, int64_t row_stride, const real *from, int64_t from_rows,
                                    int64_t classes) {
    int64_t c, k;
    for (c = (classes - 1) / 4 * 4; c >= 0; c -= 4) {
        NAME(wide) v[4];
        for (k = 0; k < 4; k++) {
            memcpy(v + k, from + (c + k < classes ? c + k : classes - 1) * from_rows, sizeof *v);
        }
        NAME(transpose_wide)(v);
        NAME(scatter_quads)(to + c, row_stride, v);
    }
}
#undef IN_QUADS
#else
#define WIDE_ROWS 4
#endif

/* Four rows to the places r to r + 3 of the lines. `past`: a vector may reach past the end of a row. */
PYCE_INLINE void NAME(rows_to_lines)(real *to, int64_t to_rows, const real *const *from, int64_t r, int64_t classes,
                                     int past) {
    real spare[4], *line[4];
    int64_t c, k;
    for (c = 0; c + (past ? 0 : 3) < classes; c += 4) {
        /* cppcheck-suppress legacyUninitvar ; its address is taken, it is not read */
        for (k = 0; k < 4; k++) line[k] = c + k < classes ? to + (c + k) * to_rows + r : spare;
        NAME(transpose_quads)(line, from, c);
    }
    for (; c < classes; c++) {
        for (k = 0; k < 4; k++) to[c * to_rows + r + k] = from[k][c];
    }
}

/* The same back. What reaches past the end of a row is overwritten: rows go upwards, their classes downwards. */
PYCE_INLINE void NAME(lines_to_rows)(real *const *to, const real *from, int64_t from_rows, int64_t r, int64_t classes,
                                     int past) {
    const int64_t whole = classes / 4 * 4;
    const real *line[4];
    real *place[4];
    int64_t c, k;
    for (c = whole; c < classes && !past; c++) {
        for (k = 0; k < 4; k++) to[k][c] = from[c * from_rows + r + k];
    }
    for (c = past && whole < classes ? whole : whole - 4; c >= 0; c -= 4) {
        for (k = 0; k < 4; k++) {
            line[k] = from + (c + k < classes ? c + k : classes - 1) * from_rows + r;
            place[k] = to[k] + c;
        }
        NAME(transpose_quads)(place, line, 0);
    }
}

/* Whether vectors at the last classes of the row r stay within a block of so many rows. */
PYCE_INLINE int NAME(has_room)(int64_t row_stride, int64_t r, int64_t rows, int64_t classes) {
    return row_stride == classes && r * classes + (classes + 3) / 4 * 4 <= rows * classes;
}

/* How many rows can be moved WIDE_ROWS at a time. */
PYCE_INLINE int64_t NAME(wide_rows)(int64_t row_stride, int64_t rows, int64_t classes) {
    int64_t n = rows / WIDE_ROWS * WIDE_ROWS;
    if (WIDE_ROWS == 4 || (classes % 4 && row_stride != classes)) return 0;
    return classes % 4 && n > 0 && !NAME(has_room)(row_stride, n - 1, rows, classes) ? n - WIDE_ROWS : n;
}

/* Rows whose classes are neighbours, to the matrix. */
PYCE_INLINE void NAME(transpose_to)(real *restrict to, int64_t to_rows, const real *restrict from, int64_t row_stride,
                                    int64_t rows, int64_t classes) {
    const int64_t wide = NAME(wide_rows)(row_stride, rows, classes);
    int64_t c, r, k;
#if WIDE_ROWS > 4
    for (r = 0; r < wide; r += WIDE_ROWS) {
        NAME(wide_to_lines)(to + r, to_rows, from + r * row_stride, row_stride, classes);
    }
#endif
    for (r = wide; r + 4 <= rows; r += 4) {
        const real *row[4];
        for (k = 0; k < 4; k++) row[k] = from + (r + k) * row_stride;
        NAME(rows_to_lines)(to, to_rows, row, r, classes, NAME(has_room)(row_stride, r + 3, rows, classes));
    }
    for (; r < rows; r++) {
        for (c = 0; c < classes; c++) to[c * to_rows + r] = from[r * row_stride + c];
    }
}

/* And back. */
PYCE_INLINE void NAME(transpose_from)(real *restrict to, int64_t row_stride, const real *restrict from,
                                      int64_t from_rows, int64_t rows, int64_t classes) {
    const int64_t wide = NAME(wide_rows)(row_stride, rows, classes);
    int64_t c, r, k;
#if WIDE_ROWS > 4
    for (r = 0; r < wide; r += WIDE_ROWS) {
        NAME(wide_to_rows)(to + r * row_stride, row_stride, from + r, from_rows, classes);
    }
#endif
    for (r = wide; r + 4 <= rows; r += 4) {
        real *row[4];
        for (k = 0; k < 4; k++) row[k] = to + (r + k) * row_stride;
        NAME(lines_to_rows)(row, from, from_rows, r, classes, NAME(has_room)(row_stride, r + 3, rows, classes));
    }
    for (; r < rows; r++) {
        for (c = 0; c < classes; c++) to[r * row_stride + c] = from[c * from_rows + r];
    }
}

/* Where the rows are neighbours, those of the next block are fetched with each class: from memory, 21 classes take 0.95
 * of the time. Rows of other types than the compute type are converted first, all at once where they are contiguous:
 * for ten classes that takes a third of the time of four at a time. */
PYCE_INLINE void NAME(load_rows)(real *restrict to, int64_t to_rows, const void *restrict from, int64_t row_stride,
                                 int64_t class_stride, int64_t rows, int64_t classes, const pyce_dtype dtype) {
    int64_t c, r;
    for (c = 0; c < classes; c++) {
        for (r = rows; r < to_rows; r++) to[c * to_rows + r] = 0;
    }
    if (row_stride == 1) {
        for (c = 0; c < classes; c++) {
            const char *at = (const char *)from + c * class_stride * SIZE_OF(dtype);
            fetch((uintptr_t)at + (uintptr_t)(rows * SIZE_OF(dtype)), rows * SIZE_OF(dtype));
            NAME(load)(to + c * to_rows, at, 1, rows, dtype);
        }
    } else if (class_stride == 1 && dtype == OWN_DTYPE) {
        NAME(transpose_to)(to, to_rows, (const real *)from, row_stride, rows, classes);
    } else if (class_stride == 1) {
        const int64_t run = row_stride == classes ? rows * classes : classes;
        real converted[MATRIX_BYTES / sizeof(real)];
        for (r = 0; r < rows; r += run / classes) {
            const char *at = (const char *)from + r * row_stride * SIZE_OF(dtype);
            NAME(load)(converted + r * classes, at, 1, run, dtype);
        }
        NAME(transpose_to)(to, to_rows, converted, classes, rows, classes);
    } else {
        for (r = 0; r < rows; r++) {
            for (c = 0; c < classes; c++) {
                to[c * to_rows + r] = NAME(read)(from, r * row_stride + c * class_stride, dtype);
            }
        }
    }
}

PYCE_INLINE void NAME(store_rows)(void *restrict to, int64_t row_stride, int64_t class_stride,
                                  const real *restrict from, int64_t from_rows, int64_t rows, int64_t classes,
                                  const pyce_dtype dtype) {
    int64_t c, r;
    if (row_stride == 1) {
        for (c = 0; c < classes; c++) {
            char *at = (char *)to + c * class_stride * SIZE_OF(dtype);
            fetch((uintptr_t)at + (uintptr_t)(rows * SIZE_OF(dtype)), rows * SIZE_OF(dtype));
            NAME(store)(at, from + c * from_rows, 1, rows, dtype);
        }
    } else if (class_stride == 1 && dtype == OWN_DTYPE) {
        NAME(transpose_from)((real *)to, row_stride, from, from_rows, rows, classes);
    } else if (class_stride == 1) {
        const int64_t run = row_stride == classes ? rows * classes : classes;
        real converted[MATRIX_BYTES / sizeof(real)];
        NAME(transpose_from)(converted, classes, from, from_rows, rows, classes);
        for (r = 0; r < rows; r += run / classes) {
            NAME(store)((char *)to + r * row_stride * SIZE_OF(dtype), converted + r * classes, 1, run, dtype);
        }
    } else {
        for (r = 0; r < rows; r++) {
            for (c = 0; c < classes; c++) {
                NAME(write)(to, r * row_stride + c * class_stride, from[c * from_rows + r], dtype);
            }
        }
    }
}

/* The functions of both files, for the tables of the kernel set. */
#define LOAD_STORE(name, dtype)                                                                                      \
    static void NAME(load_##name)(void *to, const void *from, int64_t stride, int64_t n) {                           \
        NAME(load)((real *)to, from, stride, n, dtype);                                                              \
    }                                                                                                                \
    static void NAME(store_##name)(void *to, const void *from, int64_t stride, int64_t n) {                          \
        NAME(store)(to, (const real *)from, stride, n, dtype);                                                       \
    }                                                                                                                \
    static void NAME(store_doubles_##name)(void *to, const double *from, int64_t stride, int64_t n) {                \
        int64_t i;                                                                                                   \
        for (i = 0; i < n; i++) NAME(write)(to, i * stride, (real)from[i], dtype);                                   \
    }                                                                                                                \
    static void NAME(pick_##name)(double *to, const void *from, int64_t row_stride, int64_t class_stride,            \
                                  const int64_t *index, int64_t rows) {                                              \
        NAME(pick)(to, from, row_stride, class_stride, index, rows, dtype);                                          \
    }                                                                                                                \
    static void NAME(load_matrix_##name)(void *to, int64_t to_rows, const void *from, int64_t row_stride,            \
                                         int64_t class_stride, int64_t rows, int64_t classes) {                      \
        NAME(load_rows)((real *)to, to_rows, from, row_stride, class_stride, rows, classes, dtype);                  \
    }                                                                                                                \
    static void NAME(store_matrix_##name)(void *to, int64_t row_stride, int64_t class_stride, const void *from,      \
                                          int64_t from_rows, int64_t rows, int64_t classes) {                        \
        NAME(store_rows)(to, row_stride, class_stride, (const real *)from, from_rows, rows, classes, dtype);         \
    }
LOAD_STORE(float32, PYCE_FLOAT32)
LOAD_STORE(float64, PYCE_FLOAT64)
LOAD_STORE(float16, PYCE_FLOAT16)
LOAD_STORE(bfloat16, PYCE_BFLOAT16)
#undef LOAD_STORE
#undef QUADS
#undef WIDE_ROWS

#define BY_DTYPE(base) {NULL, NAME(base##_float32), NAME(base##_float64), NAME(base##_float16), NAME(base##_bfloat16)}
