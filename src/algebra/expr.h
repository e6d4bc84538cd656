// An answer as a tree: what the reader makes of text, and what the comparison works on.
#pragma once
#include <gmpxx.h>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace r1::algebra {

enum class Kind : uint8_t {
    number,    // value; decimals, if it was written with a point
    symbol,    // name: "x", "theta", "x_1", "f'"
    constant,  // name: pi, e, i, inf, reals, empty
    text,      // name: words as they were written
    based,     // name: digits; value: the base (52_8)
    negate,    // -a
    choice,    // ±a; name "-" for ∓: all the signs of one answer are chosen together
    add,       // sum of args
    multiply,  // product of args
    divide,    // a / b
    power,     // a ^ b
    root,      // the b-th root of a
    function,  // name(args); an unknown name is a function of which only equality is known
    percent,   // a %
    degree,    // a °
    quantity,  // a with unit name
    tuple,     // (a, b, …); name: the brackets "()", "[]" or "<>"
    list,  // a, b, …; name "," for a plain list, "&" (and, ;, ±) or "|" (or) where order carries no meaning
    set,   // {a, b, …}
    interval,   // name: the brackets "[]", "[)", "(]" or "()"
    unite,      // a ∪ b …
    intersect,  // a ∩ b …
    subtract,   // a \ b
    matrix,     // args row by row, `columns` in a row
    relation,   // args joined by the signs in name: = < > l(≤) g(≥) n(≠) ~(≈) m(∈) c(≡)
    ratio,      // a : b : …
};

struct Expr {
    Kind kind = Kind::number;
    std::string name;
    std::vector<Expr> args;
    std::optional<mpq_class> value;
    int decimals = -1;  // digits after the point; -1: an integer as written
    uint32_t columns = 0;
};

Expr number(const mpq_class& value);
Expr symbol(std::string name);
Expr constant(std::string name);
Expr make(Kind kind, std::vector<Expr> args, std::string name = "");
Expr single(Kind kind, Expr a, std::string name = "");
Expr pair(Kind kind, Expr a, Expr b, std::string name = "");
Expr integer(long value);

bool is_number(const Expr& e);   // a number as written, without operations
bool is_integer(const Expr& e);  // such a number, and an integer
bool is_constant(const Expr& e, const char* name);
bool is_scalar(const Expr& e);  // built of numbers, symbols and operations alone
bool contains(const Expr& e, Kind kind);
bool has_symbols(const Expr& e);
void collect_symbols(const Expr& e, std::vector<std::string>& names);  // sorted, each once

// The same for trees that differ in the order of sums, products and sets only.
std::string canonical(const Expr& e);

// Work that one comparison may do. Everything that computes spends from it first.
struct OutOfBudget : std::exception {
    const char* what() const noexcept override { return "the budget of steps or digits ran out"; }
};
struct Budget {
    int64_t steps = 400'000;        // a step is about one operation on 64 bits
    size_t bits = size_t{1} << 20;  // of one exact number
    void spend(int64_t count) {
        if ((steps -= count) < 0) throw OutOfBudget();
    }
};

}  // namespace r1::algebra
