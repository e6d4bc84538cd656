// Oniguruma's Ruby syntax -> PCRE2. Where both write the same thing and mean another (\s, \h, {n,m}+, (?m),
// scripts, inline options), the meaning is kept.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "core/check.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace r1 {
namespace {

constexpr std::string_view space_items = R"(\x{9}-\x{D}\x{85}\p{Z})";
constexpr std::string_view not_space_items =
    R"(\x{0}-\x{8}\x{E}-\x{1F}\x{21}-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027})"
    R"(\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF})";
constexpr std::string_view word_items = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
// Outside of a class, Oniguruma's \w has these as well.
constexpr std::string_view lone_word_items =
    R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";
constexpr std::string_view hex_items = "0-9A-Fa-f";
constexpr std::string_view not_hex_items = R"(\x{0}-\x{2F}\x{3A}-\x{40}\x{47}-\x{60}\x{67}-\x{10FFFF})";

constexpr std::array<std::pair<std::string_view, std::string_view>, 45> property_names = {{
    {"letter", "L"},
    {"uppercaseletter", "Lu"},
    {"lowercaseletter", "Ll"},
    {"titlecaseletter", "Lt"},
    {"modifierletter", "Lm"},
    {"otherletter", "Lo"},
    {"mark", "M"},
    {"nonspacingmark", "Mn"},
    {"spacingmark", "Mc"},
    {"enclosingmark", "Me"},
    {"number", "N"},
    {"decimalnumber", "Nd"},
    {"digit", "Nd"},
    {"letternumber", "Nl"},
    {"othernumber", "No"},
    {"punctuation", "P"},
    {"connectorpunctuation", "Pc"},
    {"dashpunctuation", "Pd"},
    {"openpunctuation", "Ps"},
    {"closepunctuation", "Pe"},
    {"initialpunctuation", "Pi"},
    {"finalpunctuation", "Pf"},
    {"otherpunctuation", "Po"},
    {"symbol", "S"},
    {"mathsymbol", "Sm"},
    {"currencysymbol", "Sc"},
    {"modifiersymbol", "Sk"},
    {"othersymbol", "So"},
    {"separator", "Z"},
    {"spaceseparator", "Zs"},
    {"lineseparator", "Zl"},
    {"paragraphseparator", "Zp"},
    {"other", "C"},
    {"control", "Cc"},
    {"format", "Cf"},
    {"privateuse", "Co"},
    {"unassigned", "Cn"},
    {"any", "Any"},
    {"alphabetic", "Alphabetic"},
    {"alpha", "Alphabetic"},
    {"uppercase", "Uppercase"},
    {"upper", "Uppercase"},
    {"lowercase", "Lowercase"},
    {"lower", "Lowercase"},
    {"emoji", "Emoji"},
}};

std::string hex_escape(uint32_t code_point) {
    char buffer[16];
    std::snprintf(buffer, sizeof buffer, "\\x{%X}", code_point);
    return buffer;
}

// One item of a character class, or an escape outside of one.
struct Item {
    std::string text;       // in PCRE2's class syntax
    bool single = false;    // one character, which may bound a range
    bool whole = false;     // `text` is an expression of its own, not an item
    bool not_word = false;  // \W in a class, which no item expresses
};

// A parsed class: `items` if it is a plain union, `expression` in any case.
struct Class {
    std::optional<std::string> items;
    std::string expression;
};

class Translator {
  public:
    explicit Translator(std::string_view pattern) : pattern_(pattern) {}

    std::string run() {
        check(is_valid_utf8(pattern_), "a regex is not valid UTF-8");
        groups_.push_back({});
        while (!at_end()) term();
        if (groups_.size() != 1) error("a group is not closed");
        out_.append(groups_.back().inline_options, ')');
        return std::move(out_);
    }

  private:
    struct Group {
        size_t start = 0;           // in out_
        size_t inline_options = 0;  // (?i) without a colon reaches to the group's end, over alternatives
    };

    [[noreturn]] void error(std::string_view what) const {
        fail("cannot use the regex '", pattern_, "': ", what, " (at byte ", position_, ")");
    }
    bool at_end() const { return position_ == pattern_.size(); }
    char peek(size_t ahead = 0) const {
        return position_ + ahead < pattern_.size() ? pattern_[position_ + ahead] : '\0';
    }
    bool accept(std::string_view text) {
        if (!pattern_.substr(position_).starts_with(text)) return false;
        position_ += text.size();
        return true;
    }
    std::string_view character() {
        if (at_end()) error("it ends too early");
        size_t begin = position_;
        next_code_point(pattern_, position_);
        return pattern_.substr(begin, position_ - begin);
    }

    void begin_atom() { atom_ = out_.size(), quantified_ = false; }

    void term() {
        char c = peek();
        switch (c) {
            case '\\': {
                ++position_;
                Item item = escape(false);
                begin_atom();
                out_ += item.whole || item.single ? item.text : "[" + item.text + "]";
                return;
            }
            case '[': {
                ++position_;
                std::string expression = char_class(0).expression;
                begin_atom();
                out_ += expression;
                return;
            }
            case '(':
                return open_group();
            case ')':
                return close_group();
            case '|':
                ++position_;
                out_ += '|';
                atom_ = std::string::npos;
                return;
            case '*':
            case '+':
            case '?':
                ++position_;
                return quantify(std::string(1, c), true);
            case '{':
                return braces();
            default:
                begin_atom();
                out_ += character();
        }
    }

    // Repeats the last atom. `suffix`: a following + makes it possessive (after {n,m} it is one more
    // quantifier).
    void quantify(std::string quantifier, bool possessive, bool lazy = true) {
        if (atom_ == std::string::npos) error("nothing to repeat");
        if (quantified_) {
            out_.insert(atom_, "(?:");
            out_ += ')';
        }
        if ((lazy && peek() == '?') || (possessive && peek() == '+')) quantifier += pattern_[position_++];
        out_ += quantifier;
        quantified_ = true;
    }

    void braces() {
        size_t close = pattern_.find('}', position_);
        std::string_view inside =
            close == std::string_view::npos ? "" : pattern_.substr(position_ + 1, close - position_ - 1);
        size_t comma = inside.find(',');
        std::string_view low = inside.substr(0, comma);
        std::string_view high = comma == std::string_view::npos ? "" : inside.substr(comma + 1);
        auto digits = [](std::string_view s) {
            return s.size() <= 5 &&
                   std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
        };
        if (!digits(low) || !digits(high) ||
            (low.empty() && high.empty())) {  // a brace like any other character
            begin_atom();
            out_ += "\\{";
            ++position_;
            return;
        }
        position_ = close + 1;
        std::string text = "{" + (low.empty() ? "0" : std::string(low));
        if (comma != std::string_view::npos) text += "," + std::string(high);
        quantify(text + "}", false, comma != std::string_view::npos);
    }

    void open_group() {
        size_t start = out_.size();
        ++position_;
        if (!accept("?")) {
            out_ += '(';
        } else if (accept("#")) {
            size_t close = pattern_.find(')', position_);
            if (close == std::string_view::npos) error("a comment is not closed");
            position_ = close + 1;
            return;
        } else {
            static constexpr std::array<std::string_view, 6> kinds = {":", "=", "!", ">", "<=", "<!"};
            auto kind =
                std::find_if(kinds.begin(), kinds.end(), [&](std::string_view k) { return accept(k); });
            if (kind != kinds.end()) {
                out_ += "(?" + std::string(*kind);
            } else if (accept("<")) {
                size_t close = pattern_.find('>', position_);
                if (close == std::string_view::npos) error("a group's name is not closed");
                out_ += "(?<" + std::string(pattern_.substr(position_, close - position_)) + ">";
                position_ = close + 1;
            } else {
                std::string options = "(?";
                for (; peek() == 'i' || peek() == 'm' || peek() == '-'; ++position_)
                    options += peek() == 'm' ? 's' : peek();  // Ruby's m: the dot matches a newline
                bool whole_rest = peek() == ')';
                if (!whole_rest && peek() != ':') error("an unknown kind of group");
                ++position_;
                out_ += options + ":";
                if (whole_rest) {
                    ++groups_.back().inline_options;
                    atom_ = std::string::npos;
                    return;
                }
            }
        }
        groups_.push_back({start, 0});
        atom_ = std::string::npos;
    }

    void close_group() {
        if (groups_.size() == 1) error("a ')' without its '('");
        ++position_;
        Group group = groups_.back();
        groups_.pop_back();
        out_.append(group.inline_options + 1, ')');
        atom_ = group.start;
        quantified_ = false;
    }

    uint32_t number(int base, size_t max_digits) {
        uint32_t value = 0;
        size_t count = 0;
        for (; count < max_digits; ++count, ++position_) {
            char c = peek();
            int digit = c >= '0' && c <= '9'                 ? c - '0'
                        : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                             : 99;
            if (digit >= base) break;
            value = value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
        }
        if (count == 0) error("an escape lacks its digits");
        return value;
    }

    Item code_point(uint32_t value) {
        if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
            error("an escape is no Unicode character");
        return {hex_escape(value), true};
    }

    // Behind a backslash.
    Item escape(bool in_class) {
        if (at_end()) error("it ends with a backslash");
        char c = peek();
        if (static_cast<signed char>(c) < 0) return {std::string(character()), true};
        ++position_;
        switch (c) {
            case 's':
                return {std::string(space_items)};
            case 'S':
                return {std::string(not_space_items)};
            case 'w':
                return word(false, in_class);
            case 'W':
                return word(true, in_class);
            case 'd':
                return {"\\p{Nd}"};
            case 'D':
                return {"\\P{Nd}"};
            case 'h':
                return {std::string(hex_items)};
            case 'H':
                return {std::string(not_hex_items)};
            case 'p':
            case 'P':
                return property(c == 'P', in_class);
            case 'n':
                return code_point('\n');
            case 'r':
                return code_point('\r');
            case 't':
                return code_point('\t');
            case 'f':
                return code_point('\f');
            case 'v':
                return code_point('\v');
            case 'a':
                return code_point('\a');
            case 'e':
                return code_point(0x1B);
            case 'u':
                return code_point(number(16, 4));
            case 'x':
                return hex();
            case '0':
                return code_point(peek() >= '0' && peek() <= '7' ? number(8, 2) : 0);
            default:
                break;
        }
        bool alphanumeric = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!alphanumeric) return {hex_escape(static_cast<uint32_t>(c)), true};
        if (in_class) {
            if (c == 'b') return code_point('\b');
            error(cat("unknown escape \\", c, " in a character class"));
        }
        std::string w = word(false, false).text;
        if (c == 'b') return {"(?:(?<=" + w + ")(?!" + w + ")|(?<!" + w + ")(?=" + w + "))", false, true};
        if (c == 'B') return {"(?:(?<=" + w + ")(?=" + w + ")|(?<!" + w + ")(?!" + w + "))", false, true};
        if (std::string_view("AzZGRX123456789").find(c) != std::string_view::npos)
            return {std::string("\\") + c, false, true};
        error(cat("unknown escape \\", c));
    }

    static Item word(bool negated, bool in_class) {
        if (!in_class) return {(negated ? "[^" : "[") + std::string(lone_word_items) + "]", false, true};
        return negated ? Item{"", false, false, true} : Item{std::string(word_items)};
    }

    Item hex() {
        if (!accept("{")) {
            uint32_t value = number(16, 2);
            if (value >= 0x80) error("\\x with a byte above 7F; write \\x{...}");
            return code_point(value);
        }
        uint32_t value = number(16, 6);
        if (!accept("}")) error("\\x{ is not closed");
        return code_point(value);
    }

    Item property(bool negated, bool in_class) {
        size_t close = pattern_.find('}', position_);
        if (!accept("{") || close == std::string_view::npos) error("\\p lacks its {name}");
        if (accept("^")) negated = !negated;
        std::string name;
        for (; position_ < close; ++position_) {
            char c = peek();
            if (c >= 'A' && c <= 'Z') c |= 32;
            if (c != ' ' && c != '_' && c != '-') name += c;
        }
        ++position_;
        if (name == "space" || name == "whitespace")
            return {std::string(negated ? not_space_items : space_items)};
        if (name == "word") return word(negated, in_class);
        std::string mapped = name;
        auto known = std::find_if(property_names.begin(), property_names.end(),
                                  [&](auto& p) { return p.first == name; });
        if (known != property_names.end()) {
            mapped = known->second;
        } else if (!name.empty() && name.size() <= 2) {
            mapped[0] = static_cast<char>(mapped[0] - 32);
        } else {
            mapped = "sc:" + name;  // PCRE2 alone would take script extensions
        }
        return {(negated ? "\\P{" : "\\p{") + mapped + "}"};
    }

    // Behind the opening bracket.
    Class char_class(int depth) {
        if (depth > 8) error("character classes are nested too deeply");
        bool negated = accept("^");
        std::vector<std::string> operands;  // of &&, each an expression that matches one character
        std::string items;
        bool not_word = false;
        std::optional<Class> only;  // the operand so far is this one nested class
        bool single = false;        // the last item may begin a range
        auto finish_operand = [&](bool inverted) {
            if (only) return inverted ? "(?s:(?!" + only->expression + ").)" : only->expression;
            if (items.empty() && !not_word) error("an empty character class");
            std::string inverse = inverted ? "[^" : "[";
            if (!not_word) return inverse + items + "]";
            std::string words = (inverted ? "[" : "[^") + std::string(word_items) + "]";
            if (items.empty()) return words;
            return inverted ? "(?:(?![" + items + "])" + words + ")" : "(?:[" + items + "]|" + words + ")";
        };
        auto add = [&](const Item& item) {
            items += item.text;
            not_word |= item.not_word;
            single = item.single;
        };
        for (bool first = true;; first = false) {
            if (at_end()) error("a character class is not closed");
            if (peek() == ']' && !first) break;
            if (accept("&&")) {
                operands.push_back(finish_operand(false));
                items.clear(), only.reset(), single = not_word = false;
                continue;
            }
            if (only && !only->items) error("a union with a negated character class");
            if (only) items += *only->items, only.reset();
            if (peek() == '[' && peek(1) == ':') {
                add({posix_bracket()});
            } else if (accept("[")) {
                Class nested = char_class(depth + 1);
                single = false;
                if (items.empty() && !not_word) {
                    only = std::move(nested);
                } else {
                    if (!nested.items) error("a union with a negated character class");
                    items += *nested.items;
                }
            } else if (peek() == '-' && single && peek(1) != ']' && peek(1) != '[' && peek(1) != '&') {
                ++position_;
                Item high = class_item();
                items += high.single ? "-" : "\\-";
                add(high);
                single = false;
            } else {
                add(class_item());
            }
        }
        ++position_;
        if (operands.empty()) {
            bool plain = !negated && !not_word && (!only || only->items);
            std::string expression = finish_operand(negated);
            return {plain ? std::optional(only ? *only->items : items) : std::nullopt, expression};
        }
        std::string expression = finish_operand(false);
        for (const std::string& operand : operands) expression = "(?=" + operand + ")" + expression;
        expression = "(?:" + expression + ")";
        return {std::nullopt, negated ? "(?s:(?!" + expression + ").)" : expression};
    }

    Item class_item() {
        if (accept("\\")) return escape(true);
        size_t at = position_;
        character();
        return code_point(static_cast<uint32_t>(next_code_point(pattern_, at)));
    }

    std::string posix_bracket() {
        size_t close = pattern_.find(":]", position_);
        if (close == std::string_view::npos) error("[: is not closed");
        std::string_view name = pattern_.substr(position_ + 2, close - position_ - 2);
        position_ = close + 2;
        if (name == "alpha") return "\\p{Alphabetic}";
        if (name == "digit") return "\\p{Nd}";
        if (name == "alnum") return "\\p{Alphabetic}\\p{Nd}";
        if (name == "upper") return "\\p{Uppercase}";
        if (name == "lower") return "\\p{Lowercase}";
        if (name == "space") return std::string(space_items);
        if (name == "word") return std::string(word_items);
        if (name == "xdigit") return std::string(hex_items);
        error(cat("the class [:", name, ":]"));
    }

    std::string_view pattern_;
    size_t position_ = 0;
    std::string out_;
    std::vector<Group> groups_;
    size_t atom_ = std::string::npos;  // where the last atom begins in out_
    bool quantified_ = false;
};

}  // namespace

std::string translate_regex(std::string_view pattern) {
    return Translator(pattern).run();
}

}  // namespace r1
