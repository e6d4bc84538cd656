// Elementary functions in double, from IEEE operations alone, so that they give the same bits on every
// machine and with every C library.
#pragma once

namespace r1::ops {

double exact_log(double x);  // x > 0 normal; within 2 ulp of double; NaN and infinity stay
double exact_exp(double x);  // within 2 ulp of double for |x| ≤ 700; 0 below, capped above; NaN stays
double exact_pow(double x, double y);                       // exp(y log x)
void exact_sincos(double x, double& sine, double& cosine);  // |x| up to 1e6, within 1e-15 absolute

}  // namespace r1::ops
