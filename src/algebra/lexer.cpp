#include "algebra/lexer.h"

#include <algorithm>

#include "algebra/units.h"
#include "algebra/words.h"
#include "core/ascii.h"

namespace r1::algebra {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '~';
}

// Length of the UTF-8 sequence at the start of text and its code point; 0 where it is invalid.
size_t decode(std::string_view text, uint32_t& code) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    const size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
    if (length == 0 || length > text.size() || first > 0xF4) return 0;
    code = length == 1 ? first : first & (0xFFU >> (length + 1));
    for (size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
        code = code << 6 | (byte(i) & 0x3FU);
    }
    return length;
}

// The decimal digit that a code point stands for, or -1: scripts whose digits stand in a row.
int digit_of(uint32_t code) {
    for (const uint32_t zero :
         {0x660U, 0x6F0U, 0x7C0U, 0x966U, 0x9E6U, 0xA66U, 0xAE6U, 0xB66U, 0xBE6U, 0xC66U, 0xCE6U, 0xD66U,
          0xE50U, 0xED0U, 0xF20U, 0x1040U, 0x17E0U, 0x1810U, 0xFF10U})
        if (code >= zero && code < zero + 10) return static_cast<int>(code - zero);
    if (code >= 0x1D7CE && code <= 0x1D7FF) return static_cast<int>((code - 0x1D7CE) % 10);
    return -1;
}

int superscript_of(uint32_t code) {
    if (code == 0xB9) return 1;
    if (code == 0xB2 || code == 0xB3) return static_cast<int>(code - 0xB0);
    return code == 0x2070 || (code >= 0x2074 && code <= 0x2079) ? static_cast<int>(code - 0x2070) : -1;
}

class Lexer {
  public:
    Lexer(std::string_view text, const LexOptions& options) : text_(text), options_(options) {}

    std::optional<std::vector<Token>> run() {
        while (!failed_ && next()) {
            if (tokens_.size() > most_tokens) return std::nullopt;
        }
        if (failed_) return std::nullopt;
        push(TokenType::end, "");
        return std::move(tokens_);
    }

  private:
    char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    bool starts(std::string_view s) const { return text_.substr(at_, s.size()) == s; }

    void push(TokenType type, std::string text) {
        Token token;
        token.type = type;
        token.text = std::move(text);
        token.space = space_;
        token.gap = gap_;
        token.at = start_;
        if (token.text == "(" || token.text == "[" || token.text == "\\{" || token.text == "<(") ++depth_;
        if ((token.text == ")" || token.text == "]" || token.text == "\\}" || token.text == ")>") && depth_)
            --depth_;
        space_ = gap_ = false;
        tokens_.push_back(std::move(token));
    }

    void push_function(std::string_view name) {
        const bool common = options_.common_log && name == "log" && peek() != '_';
        push(TokenType::function, std::string(common ? "lg" : name));
    }

    bool next() {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_, space_ = true;
        start_ = at_;
        if (at_ >= text_.size()) return false;
        const char c = peek();
        if (is_digit(c) || (c == '.' && is_digit(peek(1)) && !number_before())) {
            read_number();
        } else if (c == '\\') {
            read_command();
        } else if (is_ascii_letter(c) || static_cast<unsigned char>(c) >= 0x80) {
            read_letters();
        } else {
            read_sign();
        }
        return true;
    }

    bool number_before() const {
        return !tokens_.empty() && !space_ && tokens_.back().type == TokenType::number;
    }

    // --- numbers
    // The length of a separator of thousands at `at`, or 0. A bare comma separates at bracket depth 0 alone.
    size_t separator(size_t at) const {
        static constexpr std::string_view written[] = {"{,}\\!", "{,}",     "{, }", "{ , }", " {, }",
                                                       " {,}",   ",\\!",    ",\\,", "\\,",   "\\ ",
                                                       "{\\,}",  "\\!,\\!", "\\;"};
        for (const std::string_view sign : written)
            if (text_.substr(at, sign.size()) == sign) {
                size_t length = sign.size();
                while (at + length < text_.size() && text_[at + length] == ' ') ++length;
                return length;
            }
        if (at < text_.size() && text_[at] == ',' && options_.group_commas && depth_ == 0) return 1;
        if (at < text_.size() && text_[at] == ' ' && depth_ == 0) return 1;
        return 0;
    }
    size_t digits_from(size_t at) const {
        size_t count = 0;
        while (at + count < text_.size() && is_digit(text_[at + count])) ++count;
        return count;
    }

    std::string grouped_digits() {
        std::string out(text_.substr(at_, digits_from(at_)));
        at_ += out.size();
        if (out.size() > 3 || out.empty()) return out;
        // All of the groups have to be of three digits: 12,345,67 is a list.
        size_t at = at_;
        std::string more;
        std::string_view first_sign;
        for (size_t length = separator(at); length; length = separator(at)) {
            const std::string_view sign = text_.substr(at, length);
            const size_t digits = digits_from(at + length);
            const bool same = first_sign.empty() || sign[0] == first_sign[0];
            if (digits != 3 || !same) {
                if (digits > 0 && sign == "," && first_sign == ",") return out;
                break;
            }
            if (sign == " " && at + length + 3 < text_.size() && text_[at + length + 3] == '/')
                break;  // 1 100/200
            first_sign = sign;
            more += text_.substr(at + length, 3);
            at += length + 3;
        }
        if (more.empty() || out == "0" || out == "00") return out;
        at_ = at;
        return out + more;
    }

    void read_number() {
        std::string digits = grouped_digits();
        int decimals = -1;
        const auto fraction = [&](size_t point) {
            at_ += point;
            const std::string more(text_.substr(at_, digits_from(at_)));
            at_ += more.size();
            digits += more;
            decimals = static_cast<int>(more.size());
        };
        if (peek() == '.' && is_digit(peek(1))) {
            fraction(1);
        } else if (starts("{,}") && digits_from(at_ + 3) > 0) {
            fraction(3);
        } else if (peek() == ',' && is_digit(peek(1)) && options_.decimal_comma) {
            fraction(1);
        } else if (peek() == '.' && !(at_ + 1 < text_.size() && is_ascii_letter(peek(1))) && peek(1) != '.') {
            ++at_;  // "5."
        }
        if (digits.size() > most_digits) {
            failed_ = true;
            return;
        }
        push(TokenType::number, digits);
        Token& token = tokens_.back();
        mpz_class numerator, denominator;
        numerator.set_str(digits, 10);
        mpz_ui_pow_ui(denominator.get_mpz_t(), 10, static_cast<unsigned long>(std::max(decimals, 0)));
        token.value = mpq_class(numerator, denominator);
        token.value.canonicalize();
        token.decimals = decimals;
        repeating(token);
        exponent(token);
    }

    // 0.1\overline{6}, 0.\overline{3}, 0.\dot{3}, 0.1(6), 0.333… and 0.333...
    void repeating(Token& token) {
        const bool pointed = token.decimals >= 0 || (at_ > 0 && text_[at_ - 1] == '.');
        if (!pointed) return;
        std::string_view cycle;
        size_t length = 0;
        for (const std::string_view command :
             {"\\overline{", "\\bar{", "\\dot{", "\\overline ", "\\bar ", "("}) {
            if (!starts(command)) continue;
            const size_t digits = digits_from(at_ + command.size());
            const char open = command.back(), close = open == '{' ? '}' : open == '(' ? ')' : '\0';
            if (digits == 0 || digits > 100 || (close && peek(command.size() + digits) != close)) return;
            cycle = text_.substr(at_ + command.size(), digits);
            length = command.size() + digits + (close ? 1 : 0);
        }
        if (cycle.empty()) return;
        at_ += length;
        mpz_class over, under, shift;
        over.set_str(std::string(cycle), 10);
        mpz_ui_pow_ui(under.get_mpz_t(), 10, static_cast<unsigned long>(cycle.size()));
        under -= 1;
        mpz_ui_pow_ui(shift.get_mpz_t(), 10, static_cast<unsigned long>(std::max(token.decimals, 0)));
        mpq_class part(over, mpz_class(under * shift));
        part.canonicalize();
        token.value += part;
        token.decimals = -1;
    }

    void exponent(Token& token) {
        if (!options_.scientific || (peek() != 'e' && peek() != 'E')) return;
        const size_t sign = peek(1) == '-' || peek(1) == '+' ? 1 : 0;
        const size_t digits = digits_from(at_ + 1 + sign);
        if (digits == 0 || digits > 4 || is_ascii_letter(peek(1 + sign + digits))) return;
        const unsigned long power = std::stoul(std::string(text_.substr(at_ + 1 + sign, digits)));
        const bool down = peek(1) == '-';
        mpz_class scale;
        mpz_ui_pow_ui(scale.get_mpz_t(), 10, power);
        if (down)
            token.value /= scale;
        else
            token.value *= scale;
        at_ += 1 + sign + digits;
        token.decimals =
            std::max(0, token.decimals + (down ? static_cast<int>(power) : -static_cast<int>(power)));
    }

    // --- commands
    std::string_view group() {  // the raw inside of the {…} that follows
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
        if (peek() != '{') {
            const size_t from = at_;
            if (at_ < text_.size()) ++at_;
            return text_.substr(from, at_ - from);
        }
        int depth = 0;
        const size_t from = at_ + 1;
        for (; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == '\\') {
                ++at_;
                continue;
            }
            depth += c == '{' ? 1 : c == '}' ? -1 : 0;
            if (depth == 0) {
                const std::string_view inside = text_.substr(from, at_ - from);
                ++at_;
                return inside;
            }
        }
        failed_ = true;
        return {};
    }

    void read_command() {
        size_t end = at_ + 1;
        while (end < text_.size() && is_ascii_letter(text_[end])) ++end;
        if (end == at_ + 1 && doubled_backslash()) {
            ++at_;
            return read_command();
        }
        if (end == at_ + 1 && end < text_.size()) ++end;
        std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end;
        auto command = find_command(name);
        // "\quadx" and "\cdotx": a command that ran into the next letter.
        for (size_t cut = name.size(); !command && cut-- > 3;)
            if ((command = find_command(name.substr(0, cut)))) at_ = end - (name.size() - cut);
        if (!command) {
            push(TokenType::letter, std::string(name));
            return;
        }
        switch (command->type) {
            case CommandType::sign:
                push(TokenType::op, std::string(command->plain));
                if (command->plain == "\\\\" && peek() == '[') {
                    while (at_ < text_.size() && text_[at_] != ']') ++at_;  // \\[2pt]
                    if (at_ < text_.size()) ++at_;
                }
                break;
            case CommandType::name:
            case CommandType::constant:
                push(TokenType::letter, std::string(command->plain));
                break;
            case CommandType::function:
                push_function(command->plain);
                break;
            case CommandType::skip:
                if ((name == "left" || name == "right") && peek() == '.') ++at_;
                break;
            case CommandType::currency:
                push(TokenType::word, std::string(command->plain));
                break;
            case CommandType::space:
                space_ = true;
                gap_ = gap_ || name == "quad" || name == "qquad";
                break;
            case CommandType::words:
                words(group(), name.starts_with("math") || name.starts_with("op"));
                break;
            case CommandType::style:
                if (command->plain == "textcolor" || command->plain == "overset") group();
                if (command->plain == "mathbb") {
                    const std::string_view set = group();
                    push(TokenType::letter, set == "R" ? "reals" : "bb" + std::string(set));
                }
                break;
            case CommandType::drop:
                group();
                break;
            case CommandType::environment: {
                std::string_view environment = group();
                if (!environment.empty() && environment.back() == '*') environment.remove_suffix(1);
                environments_ += command->plain == "begin" ? 1 : -1;
                push(command->plain == "begin" ? TokenType::begin : TokenType::finish,
                     std::string(environment));
                if (environment == "array" && command->plain == "begin") group();
                break;
            }
        }
    }

    // A backslash that was escaped once more: \\frac. In an environment two of them end a row.
    bool doubled_backslash() const {
        if (peek(1) != '\\' || environments_ > 0) return false;
        size_t end = at_ + 2;
        while (end < text_.size() && is_ascii_letter(text_[end])) ++end;
        if (end == at_ + 2)
            return peek(2) == '{' || peek(2) == '}' || peek(2) == '(' || peek(2) == ')' || peek(2) == '%';
        return find_command(text_.substr(at_ + 2, end - at_ - 2)).has_value();
    }

    // \text{…}: joining words and names that are maths are read as such.
    void words(std::string_view inside, bool maths) {
        const bool lead = !inside.empty() && is_space(inside.front());
        while (!inside.empty() && is_space(inside.front())) inside.remove_prefix(1);
        while (!inside.empty() && is_space(inside.back())) inside.remove_suffix(1);
        space_ = space_ || lead;
        if (inside.empty()) return;
        const std::string low = ascii_lower(inside);
        if (low == "and" || low == ", and" || low == ",and" || low == "和") return push(TokenType::op, "and");
        if (low == "or" || low == ", or" || low == ",or" || low == "或") return push(TokenType::op, "or");
        if (low == "," || low == ";") return push(TokenType::op, low);
        if (low == "percent" || low == "%") return push(TokenType::op, "%");
        if (low == "degrees" || low == "degree") return push(TokenType::op, "°");
        if (low == "in" && opens_set()) return push(TokenType::op, "in");
        const bool after_value =
            !tokens_.empty() && (tokens_.back().type == TokenType::number || tokens_.back().text == "}" ||
                                 tokens_.back().text == ")");
        const bool unit = lead && after_value;  // 3 \mathrm{~J}
        if (maths && !unit && inside.size() == 1 && is_ascii_letter(inside[0]))
            return push(TokenType::letter, std::string(inside));
        if (is_function_name(low) && low != "min") return push_function(low);
        if (const auto command = find_command(inside);
            maths && command && command->type == CommandType::function)
            return push_function(command->plain);  // \operatorname{tg}
        push(TokenType::text, std::string(inside));
    }

    // --- letters and prose
    void read_letters() {
        size_t end = at_;
        while (end < text_.size() &&
               (is_ascii_letter(text_[end]) || static_cast<unsigned char>(text_[end]) >= 0x80))
            ++end;
        const std::string_view run = text_.substr(at_, end - at_);
        const size_t from = at_;
        at_ = end;
        const std::string low = ascii_lower(run);
        const bool space_before = space_;
        const bool whole = from == 0 && end == text_.size();
        const bool after_number = !tokens_.empty() && tokens_.back().type == TokenType::number;
        if (low == "a" || low == "p") {  // 4:30 p.m.
            const std::string_view rest = text_.substr(at_, 4);
            if (rest.starts_with(".m.") || rest.starts_with(". m.") || rest.starts_with(".m")) {
                at_ += rest.starts_with(". m.") ? 4 : rest.starts_with(".m.") ? 3 : 2;
                return push(TokenType::word, low + "m");
            }
        }
        if (run.size() == 1) {
            // "3 x 10^8"
            if (low == "x" && after_number && times_ten()) return push(TokenType::op, "*");
            return push(TokenType::letter, std::string(run));
        }
        if (low == "and" || low == "or") return push(TokenType::op, low);
        if (after_number && !space_before && is_ordinal(low)) return;  // 3rd
        for (const std::string_view joined :
             {"and", "or"})  // "1orW": a word between two values, without blanks
            if (after_number && !space_before && low.starts_with(joined) && run.size() == joined.size() + 1) {
                push(TokenType::op, std::string(joined));
                return push(TokenType::letter, std::string(run.substr(joined.size())));
            }
        if (run == "和" || run == "及" || run == "与") return push(TokenType::op, "and");
        if (run == "或" || run == "或者") return push(TokenType::op, "or");
        if (low == "in" && opens_set()) return push(TokenType::op, "in");
        if (low == "pi" || low == "inf") return push(TokenType::letter, low);
        if (low == "infinity" || low == "infty" || low == "oo") return push(TokenType::letter, "inf");
        if (low == "pct" || low == "percent" || low == "percents") return push(TokenType::op, "%");
        if (low == "deg" || low == "degree" || low == "degrees" || run == "度")
            return push(TokenType::op, "°");
        if (low == "mod") return push(TokenType::op, "mod");
        if (is_function_name(low)) return push_function(low);
        if (is_greek(run)) return push(TokenType::letter, std::string(run));
        if (after_number && is_unit(run)) return push(TokenType::word, std::string(run));
        if (after_number && run.size() > 2 && low.substr(0, 2) == "pi" && run.size() <= 3) {
            push(TokenType::letter, "pi");
            return push(TokenType::letter, std::string(run.substr(2)));
        }
        if (!whole && product_of_letters(run)) {
            for (const char c : run) push(TokenType::letter, std::string(1, c));
            return;
        }
        push(TokenType::word, std::string(run));
    }

    bool times_ten() const {
        size_t at = at_;
        while (at < text_.size() && is_space(text_[at])) ++at;
        return text_.substr(at, 3) == "10^";
    }
    bool opens_set() const {
        size_t at = at_;
        while (at < text_.size() && is_space(text_[at])) ++at;
        return at < text_.size() &&
               (text_[at] == '(' || text_[at] == '[' || text_[at] == '{' || text_[at] == '\\');
    }
    // "ab", "xyz", "RC": a few letters of one case that are no word of English.
    static bool product_of_letters(std::string_view run) {
        if (run.size() > 3) return false;
        static constexpr std::string_view words[] = {
            "is",  "it",  "no",  "so",  "to",  "of",  "on",  "at",  "as",  "an",  "be",  "by",  "we",
            "if",  "he",  "do",  "go",  "am",  "pm",  "the", "yes", "odd", "one", "two", "six", "ten",
            "red", "not", "all", "any", "for", "are", "was", "has", "had", "its", "per", "may", "mon",
            "tue", "wed", "thu", "fri", "sat", "sun", "day", "she", "let", "how", "who", "our", "you",
            "can", "but", "may", "cm",  "mm",  "km",  "kg",  "ft",  "dne", "nan"};
        const bool upper = run[0] >= 'A' && run[0] <= 'Z';
        for (const char c : run)
            if (!is_ascii_letter(c) || (c >= 'A' && c <= 'Z') != upper) return false;
        return std::find(std::begin(words), std::end(words), run) == std::end(words);
    }

    // --- signs
    void read_sign() {
        if (peek() == '{' && peek(2) == '}' &&
            std::string_view(",:;=<>").find(peek(1)) != std::string_view::npos) {
            push(TokenType::op, std::string(1, peek(1)));  // 7{:}30
            at_ += 3;
            return;
        }
        static constexpr std::string_view longer[] = {"**", "<=", ">=",  "!=", "==",  "=<",
                                                      "=>", "->", "+/-", "+-", "...", "||"};
        static constexpr std::string_view plain[] = {
            "^", "<=", ">=", "!=", "=", "<=", "->", "->", "+-", "+-", "...", "||"};
        for (size_t i = 0; i < std::size(longer); ++i) {
            if (!starts(longer[i])) continue;
            if (longer[i] == "+-" && is_digit(peek(2))) break;  // 1+-2
            if (longer[i] == "!=" && !tokens_.empty() && !space_ &&
                (tokens_.back().type == TokenType::number || tokens_.back().text == ")"))
                break;  // 5!=120
            at_ += longer[i].size();
            return push(plain[i] == "..." ? TokenType::letter : TokenType::op, std::string(plain[i]));
        }
        const char c = text_[at_++];
        if (c == '$' || c == '`' || c == '"' || c == '#') {
            space_ = true;
            return;
        }
        push(TokenType::op, std::string(1, c));
    }

    std::string_view text_;
    const LexOptions& options_;
    size_t at_ = 0, start_ = 0;
    int depth_ = 0, environments_ = 0;
    bool space_ = false, gap_ = false, failed_ = false;
    std::vector<Token> tokens_;
};

}  // namespace

std::string plain_signs(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    bool raised = false;  // inside a run of superscripts
    while (!text.empty()) {
        uint32_t code = 0;
        const size_t length = decode(text, code);
        const std::string_view character = text.substr(0, std::max<size_t>(length, 1));
        text.remove_prefix(character.size());
        const int power = length > 1 ? superscript_of(code) : -1;
        if (raised && power < 0 && code != 0x207B) {
            out += '}';
            raised = false;
        }
        if (length == 1) {
            out += character;
        } else if (length == 0) {
            out += '?';
        } else if (power >= 0 || (code == 0x207B && !text.empty())) {
            if (!raised) out += "^{";
            raised = true;
            out += code == 0x207B ? '-' : static_cast<char>('0' + power);
        } else if (const int digit = digit_of(code); digit >= 0) {
            out += static_cast<char>('0' + digit);
        } else if (code >= 0x2080 && code <= 0x2089) {
            out += '_';
            out += static_cast<char>('0' + (code - 0x2080));
        } else if (const auto plain = plain_character(character)) {
            // ½ after a digit is a mixed number, which the reader knows by \frac
            out += *plain;
        } else if (code >= 0xFF01 && code <= 0xFF5E) {
            out += static_cast<char>(code - 0xFEE0);
        } else {
            out += character;
        }
    }
    if (raised) out += '}';
    return out;
}

std::optional<std::vector<Token>> tokenize(std::string_view text, const LexOptions& options) {
    if (text.size() > most_answer_bytes) return std::nullopt;
    return Lexer(text, options).run();
}

}  // namespace r1::algebra
