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

/* (log1p(e) - e + e^2/2) / e^3: [0.0, 1.0], degree 7, error 0.157 units */
#define LOG1P_TAIL_F32 \
    0x1.55521ap-2f, -0x1.ff70bap-3f, 0x1.94aab4p-3f, -0x1.3ddc7ap-3f, 0x1.bff2acp-4f, -0x1.eb8896p-5f, \
    0x1.5e1c1ep-6f, -0x1.d2ea44p-9f

/* (exp(r) - 1 - r) / r^2: [-0.34667, 0.34667], degree 9, error 0.037 units */
#define EXP_TAIL_F64 \
    0x1.000000000000bp-1, 0x1.555555555550fp-3, 0x1.5555555550297p-5, 0x1.1111111122b53p-7, \
    0x1.6c16c1852f31dp-10, 0x1.a01a014497b41p-13, 0x1.a01997bb5134bp-16, 0x1.71deec59c6337p-19, \
    0x1.28af4e8bdd70bp-22, 0x1.add79b02d7309p-26

/* (log1p(e) - e + e^2/2) / e^3: [0.0, 1.0], degree 19, error 0.0217 units */
#define LOG1P_TAIL_F64 \
    0x1.5555555555014p-2, -0x1.ffffffffb964fp-3, 0x1.9999998d8c304p-3, -0x1.5555542f3cb1fp-3, \
    0x1.2492372d71e52p-3, -0x1.fffe7a81110b7p-4, 0x1.c7106aa6a5d71p-4, -0x1.9951c42e076dep-4, \
    0x1.731085fd57074p-4, -0x1.50942b7db4015p-4, 0x1.2d1af855e00fdp-4, -0x1.032b91952bf44p-4, \
    0x1.9e97e2200ea31p-5, -0x1.27c80251391f7p-5, 0x1.685964fa4b498p-6, -0x1.65e7c6aca147ap-7, \
    0x1.12b383d6b99b7p-8, -0x1.2eff02485ce65p-10, 0x1.a8d51f051769ap-13, -0x1.1b33c61a6b509p-16

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
