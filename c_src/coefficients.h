/* coefficients.h: the polynomial coefficients and constants of the kernels, lowest order first.
 *
 * Printed by c_src/coefficients.py, which also finds the errors stated here: the greatest one on the interval, relative
 * to the function that the polynomial serves (exp or log1p), in units of 2^-24 (f32) or 2^-53 (the others).
 * Included by kernels.c only. */
#ifndef PYCE_COEFFICIENTS_H
#define PYCE_COEFFICIENTS_H

/* (exp(r) - 1 - r) / r^2: [-0.34667, 0.34667], degree 4, error 0.062 units */
#define EXP_TAIL_F32 \
    0x1.fffff8p-2f, 0x1.55548ep-3f, 0x1.555b98p-5f, 0x1.123bd6p-7f, 0x1.68513ep-10f

/* (log1p(e) - e) / e^2: [0.0, 1.0], degree 8, error 0.103 units */
#define LOG1P_TAIL_F32 \
    -0x1.ffffccp-2f, 0x1.554d22p-2f, -0x1.ff160ap-3f, 0x1.9305f6p-3f, -0x1.39818cp-3f, 0x1.b23326p-4f, \
    -0x1.d1f56ap-5f, 0x1.443a38p-6f, -0x1.a6f30ap-9f

/* (exp(r) - 1 - r) / r^2: [-0.34667, 0.34667], degree 9, error 0.037 units */
#define EXP_TAIL_F64 \
    0x1.000000000000bp-1, 0x1.555555555550fp-3, 0x1.5555555550297p-5, 0x1.1111111122b53p-7, \
    0x1.6c16c1852f31dp-10, 0x1.a01a014497b41p-13, 0x1.a01997bb5134bp-16, 0x1.71deec59c6337p-19, \
    0x1.28af4e8bdd70bp-22, 0x1.add79b02d7309p-26

/* (log1p(e) - e) / e^2: [0.0, 1.0], degree 19, error 0.105 units */
#define LOG1P_TAIL_F64 \
    -0x1.fffffffffff8cp-2, 0x1.5555555550558p-2, -0x1.fffffffd8ad4dp-3, 0x1.99999949ef039p-3, \
    -0x1.55554f35fae08p-3, 0x1.2491f8d912de2p-3, -0x1.fffa2ca5ad1a2p-4, 0x1.c6f48093538adp-4, \
    -0x1.98c934fba8553p-4, 0x1.710eb876e7211p-4, -0x1.4ab19ef65ac7dp-4, 0x1.1f8c63a4df238p-4, \
    -0x1.d517dbb272efap-5, 0x1.58236d8a66483p-5, -0x1.b1ba5093f2e3ep-6, 0x1.bf3997f25e029p-7, \
    -0x1.64e71e1957d98p-8, 0x1.9961580a7a6d6p-10, -0x1.2a3e927b59a2ep-12, 0x1.9cb8017cd8463p-16

/* (exp(r) - 1 - r - r^2/2) / r^3: [-0.34667, 0.34667], degree 9, error 0.000699 units */
#define EXP_WIDE \
    0x1.555555555555cp-3, 0x1.5555555555541p-5, 0x1.111111110ea03p-7, 0x1.6c16c16c1faa2p-10, \
    0x1.a01a01b43ffedp-13, 0x1.a01a0176e83f4p-16, 0x1.71ddee8038f22p-19, 0x1.27e540c1c8434p-22, \
    0x1.af6e67fc3b711p-26, 0x1.1ed993554526fp-29

/* R(z)/z, where log((1+s)/(1-s)) = 2 s + s R(s^2): [0.0, 0.029447], degree 6, error 0.0244 units */
#define LOG_ODD \
    0x1.5555555555596p-1, 0x1.999999997ed7cp-2, 0x1.24924942bca8bp-2, 0x1.c71c51724a8d3p-3, \
    0x1.74665bc57e4c1p-3, 0x1.399efc03a0858p-3, 0x1.2f1fbbb883dbbp-3

/* ln 2 in parts: 13 bits, so that k ln 2 is exact for every exponent k that occurs; the rest */
#define LN2_HI_F32 0x1.62ep-1f
#define LN2_LO_F32 0x1.0bfbe8p-15f
#define INV_LN2_F32 0x1.715476p+0f

/* ln 2 in parts: 39 bits, so that k ln 2 is exact for every exponent k that occurs; the rest */
#define LN2_HI_F64 0x1.62e42fefap-1
#define LN2_LO_F64 0x1.cf79abc9e3b3ap-40
#define INV_LN2_F64 0x1.71547652b82fep+0

#endif
