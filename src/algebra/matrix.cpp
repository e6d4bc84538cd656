#include "algebra/matrix.h"

#include <algorithm>

namespace r1::algebra {
namespace {

bool is_matrix(const Expr& e) {
    return e.kind == Kind::matrix || (e.kind == Kind::negate && e.args[0].kind == Kind::matrix);
}

Expr negate(Expr e) {
    std::vector<Expr> one;
    one.push_back(std::move(e));
    return make(Kind::negate, std::move(one));
}

// -M with the sign in its elements.
Expr plain(Expr e) {
    if (e.kind != Kind::negate || e.args[0].kind != Kind::matrix) return e;
    Expr m = std::move(e.args[0]);
    for (Expr& a : m.args) a = negate(std::move(a));
    return m;
}

Expr product(const Expr& a, const Expr& b) {
    return make(Kind::multiply, {a, b});
}

}  // namespace

bool contains_matrix(const Expr& e) {
    return std::any_of(e.args.begin(), e.args.end(), is_matrix);
}

Expr add_matrices(Expr sum) {
    for (Expr& a : sum.args) a = plain(std::move(a));
    const Expr& first = sum.args[0];
    for (const Expr& a : sum.args)
        if (a.kind != Kind::matrix || a.columns != first.columns || a.args.size() != first.args.size())
            return sum;
    Expr out = first;
    for (size_t i = 0; i < out.args.size(); ++i) {
        std::vector<Expr> terms;
        for (const Expr& a : sum.args) terms.push_back(a.args[i]);
        out.args[i] = make(Kind::add, std::move(terms));
    }
    return out;
}

Expr multiply_matrices(Expr all) {
    for (Expr& a : all.args) a = plain(std::move(a));
    Expr left = all.args[0];
    for (size_t k = 1; k < all.args.size(); ++k) {
        const Expr& right = all.args[k];
        if (left.kind == Kind::matrix && right.kind == Kind::matrix) {
            const size_t inner = left.columns, columns = right.columns;
            if (inner == 0 || right.args.size() != inner * columns || left.args.size() * columns > 256)
                return all;
            Expr out = make(Kind::matrix, {}, left.name);
            out.columns = right.columns;
            for (size_t row = 0; row < left.args.size() / inner; ++row)
                for (size_t column = 0; column < columns; ++column) {
                    std::vector<Expr> terms;
                    for (size_t i = 0; i < inner; ++i)
                        terms.push_back(
                            product(left.args[row * inner + i], right.args[i * columns + column]));
                    out.args.push_back(terms.size() == 1 ? terms[0] : make(Kind::add, std::move(terms)));
                }
            left = std::move(out);
        } else if (left.kind == Kind::matrix || right.kind == Kind::matrix) {
            Expr out = left.kind == Kind::matrix ? left : right;
            const Expr& scalar = left.kind == Kind::matrix ? right : left;
            for (Expr& a : out.args) a = product(scalar, a);
            left = std::move(out);
        } else {
            left = product(left, right);
        }
    }
    return left;
}

Expr determinant(const Expr& m) {
    const size_t n = m.columns;
    if (m.kind != Kind::matrix || m.args.size() != n * n || n == 0 || n > 4)
        return make(Kind::function, {m}, "det");
    if (n == 1) return m.args[0];
    std::vector<Expr> terms;
    for (size_t column = 0; column < n; ++column) {
        Expr minor = make(Kind::matrix, {});
        minor.columns = m.columns - 1;
        for (size_t row = 1; row < n; ++row)
            for (size_t c = 0; c < n; ++c)
                if (c != column) minor.args.push_back(m.args[row * n + c]);
        Expr term = product(m.args[column], determinant(minor));
        terms.push_back(column % 2 ? negate(std::move(term)) : std::move(term));
    }
    return make(Kind::add, std::move(terms));
}

}  // namespace r1::algebra
