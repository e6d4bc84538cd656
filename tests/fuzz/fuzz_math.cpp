// The maths verifier: a gold, a newline, and a completion. Whatever they are, there is a verdict.
#include <nlohmann/json.hpp>

#include "algebra/compare.h"
#include "algebra/reader.h"
#include "core/check.h"
#include "reward/extract.h"
#include "reward/math.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const size_t newline = std::min(text.find('\n'), text.size());
    const std::string gold(text.substr(0, newline));
    const std::string_view completion = text.substr(std::min(newline + 1, text.size()));
    try {
        r1::check_math_gold(gold);
        r1::verify_math(gold, completion);
        if (r1::compare_math(gold, gold).outcome == r1::Outcome::error) std::abort();
    } catch (const r1::Error&) {
    }
    for (const r1::algebra::Expr& e : r1::algebra::read_answer(completion)) {
        r1::algebra::Budget budget;
        try {
            if (r1::algebra::compare(e, e, {}, budget) == r1::algebra::Equality::different) std::abort();
        } catch (const r1::algebra::OutOfBudget&) {
        }
    }
    return 0;
}
