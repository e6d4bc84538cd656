#include "text/jinja_lexer.h"

#include <algorithm>
#include <array>

#include "core/check.h"
#include "text/python_string.h"
#include "text/unicode.h"

namespace r1::jinja {
namespace {

// Line ends become \n; one at the very end is dropped.
std::string normalize_lines(std::string_view source) {
    std::string out;
    for (size_t i = 0; i < source.size(); ++i) {
        if (source[i] == '\r') {
            out += '\n';
            if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
        } else {
            out += source[i];
        }
    }
    if (out.ends_with('\n')) out.pop_back();
    return out;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_name_part(char c) {
    return is_digit(c) || c == '_' || ((c | 32) >= 'a' && (c | 32) <= 'z') || static_cast<signed char>(c) < 0;
}

class Lexer {
  public:
    explicit Lexer(std::string_view source) : source_(normalize_lines(source)), rest_(source_) {}

    std::vector<Token> run() {
        while (position_ < rest_.size()) text_and_tag();
        add(Token::Kind::end, "");
        return std::move(tokens_);
    }

  private:
    [[noreturn]] void error(std::string_view what) const { fail("chat template, line ", line_, ": ", what); }

    void add(Token::Kind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }
    char at(size_t offset = 0) const {
        return position_ + offset < rest_.size() ? rest_[position_ + offset] : '\0';
    }
    bool starts_with(std::string_view text) const { return rest_.substr(position_).starts_with(text); }

    void advance(size_t count) {
        line_ += static_cast<int>(std::count(rest_.begin() + static_cast<std::ptrdiff_t>(position_),
                                             rest_.begin() + static_cast<std::ptrdiff_t>(position_ + count),
                                             '\n'));
        position_ += count;
    }

    void skip_spaces() {
        while (position_ < rest_.size()) {
            size_t next = position_;
            if (!python::is_space(next_code_point(rest_, next))) return;
            advance(next - position_);
        }
    }

    // The text before a tag, less what the tag's sign and lstrip_blocks take away.
    void add_text(std::string_view text, char sign, bool may_strip_line, bool line_starting) {
        std::string stripped(text);
        if (sign == '-') {
            stripped = python::strip(text, python::Side::right);
        } else if (sign != '+' && may_strip_line) {
            size_t line = text.rfind('\n') + 1;  // 0 if there is no line end
            if ((line > 0 || line_starting) && python::strip(text.substr(line), python::Side::both).empty())
                stripped = text.substr(0, line);
        }
        if (!stripped.empty()) add(Token::Kind::data, std::move(stripped));
    }

    void text_and_tag() {
        bool line_starting = position_ == 0 || rest_[position_ - 1] == '\n';
        size_t tag = position_;
        auto is_tag = [&](size_t i) {
            return rest_[i] == '{' && i + 1 < rest_.size() &&
                   std::string_view("{%#").find(rest_[i + 1]) != std::string_view::npos;
        };
        while (tag < rest_.size() && !is_tag(tag)) ++tag;
        std::string_view text = rest_.substr(position_, tag - position_);
        if (tag == rest_.size()) {
            if (!text.empty()) add(Token::Kind::data, std::string(text));
            return advance(text.size());
        }
        char kind = rest_[tag + 1];
        char sign = tag + 2 < rest_.size() && (rest_[tag + 2] == '-' || rest_[tag + 2] == '+')
                        ? rest_[tag + 2]
                        : '\0';
        add_text(text, sign, kind != '{', line_starting);
        advance(text.size() + 2 + (sign != '\0'));
        if (kind == '#') return comment();
        if (kind == '%' && raw()) return;
        add(kind == '{' ? Token::Kind::variable_begin : Token::Kind::block_begin, "");
        inside_tag(kind == '{' ? "}}" : "%}");
    }

    // Behind the closing characters of a block or comment.
    void after_block(char sign) {
        if (sign == '-') return skip_spaces();
        if (sign != '+' && at() == '\n') advance(1);
    }

    void comment() {
        size_t close = rest_.find("#}", position_);
        if (close == rest_.npos) error("a comment is not closed");
        char sign = close > position_ ? rest_[close - 1] : '\0';
        advance(close + 2 - position_);
        after_block(sign);
    }

    // {% raw %} ... {% endraw %}; nothing happens if this is another tag.
    bool raw() {
        size_t start = position_;
        int line = line_;
        skip_spaces();
        if (starts_with("raw")) {
            advance(3);
            skip_spaces();
            bool strip = at() == '-';
            if (rest_.substr(position_ + strip).starts_with("%}")) {
                advance(2 + strip);
                if (strip) skip_spaces();
                raw_text();
                return true;
            }
        }
        position_ = start, line_ = line;
        return false;
    }

    void raw_text() {
        bool line_starting = rest_[position_ - 1] == '\n';
        for (size_t tag = rest_.find("{%", position_); tag != rest_.npos; tag = rest_.find("{%", tag + 1)) {
            size_t i = tag + 2;
            char sign = i < rest_.size() && (rest_[i] == '-' || rest_[i] == '+') ? rest_[i++] : '\0';
            auto spaces = [&] {
                for (size_t next = i; i < rest_.size() && python::is_space(next_code_point(rest_, next));
                     next = i)
                    i = next;
            };
            spaces();
            if (!rest_.substr(i).starts_with("endraw")) continue;
            i += 6;
            spaces();
            char end_sign = i < rest_.size() && (rest_[i] == '-' || rest_[i] == '+') ? rest_[i++] : '\0';
            if (!rest_.substr(i).starts_with("%}")) continue;
            add_text(rest_.substr(position_, tag - position_), sign, true, line_starting);
            advance(i + 2 - position_);
            return after_block(end_sign);
        }
        error("{% raw %} is not closed");
    }

    void inside_tag(std::string_view closing) {
        std::string open;  // brackets that are not closed yet
        for (;;) {
            skip_spaces();
            if (position_ >= rest_.size()) error("a tag is not closed");
            if (open.empty()) {
                bool sign = at() == '-' || (at() == '+' && closing == "%}");
                if (rest_.substr(position_ + sign).starts_with(closing)) {
                    char which = sign ? at() : '\0';
                    advance(2 + sign);
                    if (closing == "%}") {
                        add(Token::Kind::block_end, "");
                        after_block(which);
                    } else {
                        add(Token::Kind::variable_end, "");
                        if (sign) skip_spaces();
                    }
                    return;
                }
            }
            char c = at();
            if (is_digit(c))
                number();
            else if (is_name_part(c))
                name();
            else if (c == '\'' || c == '"')
                string(c);
            else
                operation(open);
        }
    }

    void name() {
        size_t size = 0;
        while (is_name_part(at(size)) && position_ + size < rest_.size()) ++size;
        add(Token::Kind::name, std::string(rest_.substr(position_, size)));
        advance(size);
    }

    // Digits with single underscores between them.
    size_t digits(size_t offset) const {
        size_t i = offset;
        while (is_digit(at(i)) || (at(i) == '_' && i > offset && is_digit(at(i + 1)) && is_digit(at(i - 1))))
            ++i;
        return i;
    }

    void number() {
        bool after_dot = position_ > 0 && rest_[position_ - 1] == '.';
        if (at() == '0' && std::string_view("xXoObB").find(at(1)) != std::string_view::npos && at(1) != '\0')
            error("write numbers in decimal");
        size_t size = digits(0);
        bool real = false;
        if (!after_dot) {
            if (at(size) == '.' && is_digit(at(size + 1))) size = digits(size + 1), real = true;
            if ((at(size) | 32) == 'e') {
                size_t sign = at(size + 1) == '+' || at(size + 1) == '-';
                if (is_digit(at(size + 1 + sign))) size = digits(size + 1 + sign), real = true;
            }
        }
        std::string text(rest_.substr(position_, size));
        text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
        add(real ? Token::Kind::real : Token::Kind::integer, std::move(text));
        advance(size);
    }

    void string(char quote) {
        size_t size = 1;
        while (position_ + size < rest_.size() && at(size) != quote) size += at(size) == '\\' ? 2 : 1;
        if (position_ + size >= rest_.size()) error("a string is not closed");
        add(Token::Kind::string, unescape(rest_.substr(position_ + 1, size - 1)));
        advance(size + 1);
    }

    std::string unescape(std::string_view text) const {
        std::string out;
        for (size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '\\') {
                out += text[i];
                continue;
            }
            char c = text[++i];  // string() takes two characters for a backslash
            static constexpr std::string_view from = "\\'\"abfnrtv", to = "\\'\"\a\b\f\n\r\t\v";
            if (size_t known = from.find(c); known != from.npos) {
                out += to[known];
            } else if (c == '\n') {
                continue;  // the line goes on
            } else if (c == 'x' || c == 'u' || c == 'U') {
                size_t count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
                append_utf8(out, code_point(text.substr(i + 1, count), count, 16));
                i += count;
            } else if (c >= '0' && c <= '7') {
                size_t count = 1;
                while (count < 3 && i + count < text.size() && text[i + count] >= '0' &&
                       text[i + count] <= '7')
                    ++count;
                append_utf8(out, code_point(text.substr(i, count), count, 8));
                i += count - 1;
            } else {
                if (c == 'N') error("\\N{name} in a string is not supported");
                out += '\\';
                out += c;
            }
        }
        return out;
    }

    char32_t code_point(std::string_view digits_text, size_t count, uint32_t base) const {
        uint64_t value = 0;
        for (char c : digits_text) {
            uint32_t digit = is_digit(c)                          ? static_cast<uint32_t>(c - '0')
                             : (c | 32) >= 'a' && (c | 32) <= 'f' ? static_cast<uint32_t>((c | 32) - 'a' + 10)
                                                                  : 99;
            if (digit >= base) error("a malformed escape in a string");
            value = value * base + digit;
        }
        if (digits_text.size() != count || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
            error("a malformed escape in a string");
        return static_cast<char32_t>(value);
    }

    void operation(std::string& open) {
        static constexpr std::array<std::string_view, 26> operators = {
            "**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
            "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
        auto found = std::find_if(operators.begin(), operators.end(),
                                  [&](std::string_view op) { return starts_with(op); });
        if (found == operators.end()) error(cat("unexpected character '", at(), "'"));
        char c = (*found)[0];
        if (c == '(' || c == '[' || c == '{') open += c;
        if (c == ')' || c == ']' || c == '}') {
            char opening = c == ')' ? '(' : c == ']' ? '[' : '{';
            if (open.empty() || open.back() != opening) error(cat("unexpected '", c, "'"));
            open.pop_back();
        }
        add(Token::Kind::op, std::string(*found));
        advance(found->size());
    }

    std::string source_;
    std::string_view rest_;  // all of source_
    size_t position_ = 0;
    int line_ = 1;
    std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
    return Lexer(source).run();
}

}  // namespace r1::jinja
