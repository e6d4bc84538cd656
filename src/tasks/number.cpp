#include "tasks/number.h"

#include <algorithm>
#include <utility>

#include "tasks/signs.h"

namespace r1 {
namespace {

constexpr size_t most_digits = 1000;
constexpr int most_exponent = 1000;
constexpr uint64_t base = 1'000'000'000;

using Natural = std::vector<uint32_t>;

void trim(Natural& n) {
    while (!n.empty() && n.back() == 0) n.pop_back();
}

Natural natural(std::string_view digits) {
    Natural out;
    for (size_t end = digits.size(); end > 0;) {
        const size_t begin = end > 9 ? end - 9 : 0;
        uint32_t limb = 0;
        for (size_t i = begin; i < end; ++i) limb = limb * 10 + static_cast<uint32_t>(digits[i] - '0');
        out.push_back(limb);
        end = begin;
    }
    trim(out);
    return out;
}

Natural multiply(const Natural& a, const Natural& b) {
    Natural out(a.size() + b.size(), 0);
    for (size_t i = 0; i < a.size(); ++i) {
        uint64_t carry = 0;
        for (size_t j = 0; j < b.size() || carry; ++j) {
            const uint64_t sum = out[i + j] + carry + (j < b.size() ? uint64_t{a[i]} * b[j] : 0);
            out[i + j] = static_cast<uint32_t>(sum % base);
            carry = sum / base;
        }
    }
    trim(out);
    return out;
}

Natural add(const Natural& a, const Natural& b) {
    Natural out;
    uint64_t carry = 0;
    for (size_t i = 0; i < std::max(a.size(), b.size()) || carry; ++i) {
        const uint64_t sum = carry + (i < a.size() ? a[i] : 0) + (i < b.size() ? b[i] : 0);
        out.push_back(static_cast<uint32_t>(sum % base));
        carry = sum / base;
    }
    return out;
}

Natural power_of_ten(size_t exponent) {
    return natural("1" + std::string(exponent, '0'));
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 128;
}

// Brings other scripts' and LaTeX's ways of writing the same sign to ASCII, and drops currency signs.
std::string plain(std::string_view text) {
    static constexpr Sign signs[] = {
        {"−", "-"},
        {"–", "-"},
        {"－", "-"},
        {"﹣", "-"},
        {"＋", "+"},
        {"／", "/"},
        {"⁄", "/"},
        {"．", "."},
        {"，", ","},
        {"％", "%"},
        {"０", "0"},
        {"１", "1"},
        {"２", "2"},
        {"３", "3"},
        {"４", "4"},
        {"５", "5"},
        {"６", "6"},
        {"７", "7"},
        {"８", "8"},
        {"９", "9"},
        {"\u00a0", " "},
        {"\u2009", " "},
        {"\u202f", " "},
        {"×", "*"},
        {"\\times", "*"},
        {"\\cdot", "*"},
        {"{,}", ","},
        {"\\!", ""},
        {"\\,", ""},
        {"\\;", " "},
        {"\\ ", " "},
        {"~", " "},
        {"\\%", "%"},
        {"\\$", ""},
        {"$", ""},
        {"€", ""},
        {"£", ""},
        {"¥", ""},
        {"￥", ""},
        {"\\(", ""},
        {"\\)", ""},
        {"\\[", ""},
        {"\\]", ""},
        {"\\dfrac", "\\frac"},
        {"\\tfrac", "\\frac"},
        {"^\\circ", " "},
    };
    return replace_signs(text, signs);
}

// Reads one number at a position of plain text.
class Scanner {
  public:
    Scanner(std::string_view text, size_t at) : text_(text), at_(at) {}
    size_t at() const { return at_; }

    std::optional<Number> number() {
        Number out;
        if (peek() == '-' || peek() == '+') {
            out.negative = peek() == '-';
            ++at_;
            if (peek() == ' ') ++at_;
        }
        if (text_.substr(at_, 5) == "\\frac") {
            if (!latex_fraction(out)) return std::nullopt;
        } else if (!decimal(out)) {
            return std::nullopt;
        }
        if (out.numerator.empty()) out.negative = false;
        size_t after = at_;
        while (after < text_.size() && text_[after] == ' ') ++after;
        if (after < text_.size() && text_[after] == '%') {
            out.percent = true;
            at_ = after + 1;
        }
        return out;
    }

  private:
    char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    bool digits_at(size_t at, size_t count) const {
        if (at + count > text_.size()) return false;
        return std::all_of(text_.begin() + static_cast<std::ptrdiff_t>(at),
                           text_.begin() + static_cast<std::ptrdiff_t>(at + count), is_digit);
    }

    std::string run_of_digits() {
        std::string out;
        while (is_digit(peek())) out += text_[at_++];
        return out;
    }

    // Digits, or groups of three set apart by commas or single spaces: 1,234,567 and 1 234 567.
    std::string grouped_digits() {
        std::string out = run_of_digits();
        if (out.empty() || out.size() > 3) return out;
        const char separator = peek();
        if (separator != ',' && separator != ' ') return out;
        if (separator == ' ' && out == "0") return out;
        while (peek() == separator && digits_at(at_ + 1, 3) && !is_digit(peek(4)) &&
               !(separator == ' ' && peek(4) == '/')) {
            out += text_.substr(at_ + 1, 3);
            at_ += 4;
        }
        return out;
    }

    bool decimal(Number& out) {
        std::string digits = grouped_digits();
        const bool whole = !digits.empty();
        size_t decimals = 0;
        bool pointed = false;
        if (peek() == '.' && (is_digit(peek(1)) || whole)) {
            if (is_digit(peek(1))) {
                ++at_;
                pointed = true;
                const std::string fraction = run_of_digits();
                decimals = fraction.size();
                digits += fraction;
            }
        }
        if (digits.empty() || digits.size() > most_digits) return false;
        out.numerator = natural(digits);
        out.denominator = power_of_ten(decimals);
        int exponent = 0;
        if (!read_exponent(exponent)) return false;
        Natural& side = exponent < 0 ? out.denominator : out.numerator;
        if (exponent) side = multiply(side, power_of_ten(static_cast<size_t>(std::abs(exponent))));
        if (pointed || exponent) return true;
        if (peek() == '/' && is_digit(peek(1))) {
            ++at_;
            out.denominator = natural(limited(run_of_digits()));
            return !out.denominator.empty() && peek() != '.';
        }
        if (peek() == ' ' && is_digit(peek(1))) {  // a mixed number: 1 1/2
            const size_t start = at_++;
            const std::string over = run_of_digits();
            if (peek() == '/' && is_digit(peek(1))) {
                ++at_;
                const Natural under = natural(limited(run_of_digits()));
                if (under.empty()) return false;
                out.numerator = add(multiply(out.numerator, under), natural(limited(over)));
                out.denominator = under;
                return true;
            }
            at_ = start;
        }
        return true;
    }

    bool read_exponent(int& exponent) {
        size_t at = at_;
        const auto spaces = [&] {
            while (at < text_.size() && text_[at] == ' ') ++at;
        };
        if (peek() == 'e' || peek() == 'E') {
            ++at;
        } else {
            spaces();
            if (at >= text_.size() || text_[at] != '*') return true;
            ++at;
            spaces();
            if (text_.substr(at, 3) != "10^") return true;
            at += 3;
        }
        const bool braced = at < text_.size() && text_[at] == '{';
        if (braced) ++at;
        const bool negative = at < text_.size() && text_[at] == '-';
        if (at < text_.size() && (text_[at] == '-' || text_[at] == '+')) ++at;
        if (at >= text_.size() || !is_digit(text_[at])) return true;
        for (; at < text_.size() && is_digit(text_[at]); ++at) {
            exponent = exponent * 10 + (text_[at] - '0');
            if (exponent > most_exponent) return false;
        }
        if (braced && (at >= text_.size() || text_[at] != '}')) return false;
        if (negative) exponent = -exponent;
        at_ = at + (braced ? 1 : 0);
        return true;
    }

    // \frac{3}{4}, \frac34
    bool latex_fraction(Number& out) {
        at_ += 5;
        bool negative = false;
        const auto part = [&](Natural& into) {
            if (peek() != '{') {
                if (!is_digit(peek())) return false;
                into = natural(text_.substr(at_++, 1));
                return true;
            }
            ++at_;
            if (peek() == '-') ++at_, negative = !negative;
            const std::string digits = grouped_digits();
            if (digits.empty() || digits.size() > most_digits || peek() != '}') return false;
            ++at_;
            into = natural(digits);
            return true;
        };
        if (!part(out.numerator) || !part(out.denominator) || out.denominator.empty()) return false;
        out.negative = out.negative != negative;
        return true;
    }

    static std::string limited(std::string digits) { return digits.size() > most_digits ? "" : digits; }

    std::string_view text_;
    size_t at_;
};

// What may follow a number in an answer: units and punctuation, no further value.
bool is_unit(std::string_view rest) {
    size_t first = 0;
    while (first < rest.size() && !is_letter(rest[first])) ++first;
    size_t end = first;
    while (end < rest.size() && is_letter(rest[end])) ++end;
    const std::string_view word = rest.substr(first, end - first);
    for (const std::string_view variable : {"x", "y", "z", "n", "i", "e", "pi", "sqrt", "π", "√"})
        if (word == variable) return false;
    for (size_t i = 0; i < rest.size(); ++i) {
        const char c = rest[i], before = i ? rest[i - 1] : '\0',
                   after = i + 1 < rest.size() ? rest[i + 1] : '\0';
        if (is_letter(c) || c == ' ' || c == '.' || c == ',' || c == '!' || c == ';' || c == ':' ||
            c == '\'' || c == '"')
            continue;
        if ((c == '-' || c == '/') && is_letter(before) && is_letter(after)) continue;
        if (c == '^' && is_letter(before) && (after == '2' || after == '3')) {
            ++i;
            continue;
        }
        if ((c == '(' && is_letter(after)) || (c == ')' && is_letter(before))) continue;
        return false;
    }
    return true;
}

}  // namespace

std::optional<Number> parse_number(std::string_view raw) {
    std::string text = plain(raw);
    for (const std::string_view wrapper : {"\\text", "\\mathrm", "\\mbox", "\\textbf"}) {
        for (size_t at = text.find(wrapper); at != std::string::npos; at = text.find(wrapper, at)) {
            const size_t open = at + wrapper.size(), close = text.find('}', open);
            if (open >= text.size() || text[open] != '{' || close == std::string::npos) {
                at = open;
                continue;
            }
            text.erase(close, 1);
            text.replace(at, wrapper.size() + 1, " ");
        }
    }
    constexpr std::string_view around = " \t\r\n*`_\"'";
    std::string_view view = text;
    const auto strip = [&] {
        while (!view.empty() && around.find(view.front()) != std::string_view::npos) view.remove_prefix(1);
        while (!view.empty() && around.find(view.back()) != std::string_view::npos) view.remove_suffix(1);
    };
    strip();
    if (const size_t equals = view.rfind('='); equals != std::string_view::npos)
        view.remove_prefix(equals + 1);
    strip();
    Scanner scanner(view, 0);
    auto number = scanner.number();
    if (!number || !is_unit(view.substr(scanner.at()))) return std::nullopt;
    return number;
}

std::vector<Number> find_numbers(std::string_view raw) {
    const std::string text = plain(raw);
    std::vector<Number> out;
    for (size_t i = 0; i < text.size();) {
        const char c = text[i], before = i ? text[i - 1] : ' ';
        const bool sign =
            c == '-' && !is_digit(before) && !is_letter(before) && before != ')' && before != '-';
        const bool start =
            is_digit(c) || (c == '.' && !is_digit(before)) || sign || text.compare(i, 5, "\\frac") == 0;
        if (!start || (sign && i + 1 < text.size() && text[i + 1] == ' ')) {
            ++i;
            continue;
        }
        Scanner scanner(text, i);
        if (auto number = scanner.number()) {
            out.push_back(std::move(*number));
            i = std::max(scanner.at(), i + 1);
        } else {
            i = std::max(scanner.at(), i + 1);
        }
    }
    return out;
}

bool equal(const Number& a, const Number& b) {
    if (a.numerator.empty() || b.numerator.empty()) return a.numerator.empty() && b.numerator.empty();
    if (a.negative != b.negative) return false;
    const Natural left = multiply(a.numerator, b.denominator), right = multiply(b.numerator, a.denominator);
    if (left == right) return true;
    const Natural hundred = {100};
    if (a.percent && !b.percent) return left == multiply(right, hundred);
    if (b.percent && !a.percent) return right == multiply(left, hundred);
    return false;
}

}  // namespace r1
