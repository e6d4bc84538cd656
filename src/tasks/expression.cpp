#include "tasks/expression.h"

#include <numeric>
#include <utility>

#include "core/check.h"
#include "tasks/signs.h"

namespace r1 {
namespace {

constexpr Sign signs[] = {{"×", "*"},       {"·", "*"},       {"÷", "/"},      {"−", "-"},
                          {"–", "-"},       {"（", "("},      {"）", ")"},     {"＋", "+"},
                          {"／", "/"},      {"\\times", "*"}, {"\\cdot", "*"}, {"\\div", "/"},
                          {"\\left(", "("}, {"\\right)", ")"}};

Fraction reduced(__int128 numerator, __int128 denominator) {
    check(denominator != 0, "division by zero");
    if (denominator < 0) numerator = -numerator, denominator = -denominator;
    __int128 a = numerator < 0 ? -numerator : numerator, b = denominator;
    while (b != 0) a = std::exchange(b, a % b);
    numerator /= a, denominator /= a;
    constexpr __int128 limit = INT64_MAX;
    check(numerator <= limit && numerator >= -limit && denominator <= limit, "a value beyond 64 bits");
    return {static_cast<int64_t>(numerator), static_cast<int64_t>(denominator)};
}

// sum = product {(+|-) product};  product = factor {(*|/) factor};  factor = integer | -factor | ( sum )
class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}

    Expression parse() {
        Expression out;
        out.value = sum();
        check(peek() == '\0', "unexpected \"", text_[at_], "\"");
        out.numbers = std::move(numbers_);
        return out;
    }

  private:
    char peek() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
            ++at_;
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    Fraction sum() {
        Fraction left = product();
        for (char op = peek(); op == '+' || op == '-'; op = peek()) {
            ++at_;
            const Fraction right = product();
            const __int128 scaled = __int128{right.numerator} * left.denominator;
            left = reduced(__int128{left.numerator} * right.denominator + (op == '+' ? scaled : -scaled),
                           __int128{left.denominator} * right.denominator);
        }
        return left;
    }

    Fraction product() {
        Fraction left = factor();
        for (char op = peek(); op == '*' || op == '/'; op = peek()) {
            ++at_;
            Fraction right = factor();
            if (op == '/') std::swap(right.numerator, right.denominator);
            left = reduced(__int128{left.numerator} * right.numerator,
                           __int128{left.denominator} * right.denominator);
        }
        return left;
    }

    Fraction factor() {
        check(++depth_ <= 64, "more than 64 nested brackets or signs");
        Fraction value;
        const char first = peek();
        if (first == '-') {
            ++at_;
            value = factor();
            value.numerator = -value.numerator;
        } else if (first == '(') {
            ++at_;
            value = sum();
            check(peek() == ')', "a bracket is not closed");
            ++at_;
        } else {
            value.numerator = integer();
        }
        --depth_;
        return value;
    }

    int64_t integer() {
        check(peek() >= '0' && peek() <= '9', "a number is missing");
        int64_t value = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            check(value < INT64_MAX / 10 - 1, "a value beyond 64 bits");
            value = value * 10 + (text_[at_] - '0');
        }
        check(at_ == text_.size() || text_[at_] != '.', "a decimal point");
        check(numbers_.size() < 1000, "more than 1000 numbers");
        numbers_.push_back(value);
        return value;
    }

    std::string_view text_;
    size_t at_ = 0;
    int depth_ = 0;
    std::vector<int64_t> numbers_;
};

}  // namespace

std::optional<Expression> parse_expression(std::string_view text, std::string& reason) {
    try {
        check(text.find('\0') == std::string_view::npos, "a zero byte");
        const std::string ascii = replace_signs(text, signs);
        return Parser(ascii).parse();
    } catch (const Error& error) {
        reason = error.what();
        return std::nullopt;
    }
}

}  // namespace r1
