// From text to answers: LaTeX and plain text as models and data sets write it.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "algebra/expr.h"

namespace r1::algebra {

// The readings of a text that is an answer and nothing else: "\frac{1}{2}", "x = 5", "(0, 3]", "18 dollars",
// "odd". More than one where the writing is ambiguous: "1,234" is a number and a list, "2,74" a list and a
// decimal. Empty where it is no answer: nothing in it, brackets that do not close, too long (lexer.h), nested
// too deeply.
std::vector<Expr> read_answer(std::string_view text);

// The longest answer that a text starts with, up to the first word that cannot belong to it; none if it
// starts with no expression. `used` is the number of bytes that belong to it.
std::optional<Expr> read_prefix(std::string_view text, size_t& used);

}  // namespace r1::algebra
