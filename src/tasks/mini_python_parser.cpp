#include <algorithm>
#include <array>

#include "core/check.h"
#include "tasks/mini_python.h"

namespace r1::mini_python {
namespace {

using Kind = Node::Kind;
constexpr int deepest = 40;
constexpr size_t longest_source = 20'000;

struct Token {
    enum class Kind : uint8_t { name, number, text, sign, newline, indent, dedent, end };
    Kind kind = Kind::end;
    std::string text;
    int line = 1;
};

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// A string literal at the beginning of the text; `length` is what it takes.
std::string read_string(std::string_view text, size_t& length, int line) {
    std::string out;
    for (size_t i = 1; i < text.size() && text[i] != '\n'; ++i) {
        if (text[i] == text[0]) {
            length = i + 1;
            return out;
        }
        check(static_cast<signed char>(text[i]) >= 0, "line ", line, ": strings are ASCII");
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        ++i;
        const char c = i < text.size() ? text[i] : ' ';
        check(c == 'n' || c == 't' || c == '\\' || c == '\'' || c == '"', "line ", line,
              ": an escape in a string that is not known");
        out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
    }
    fail("line ", line, ": a string does not end");
}

std::vector<Token> tokens_of(std::string_view source) {
    check(source.size() <= longest_source, "a program of more than ", longest_source, " bytes");
    std::vector<Token> tokens;
    std::vector<size_t> indents = {0};
    int line = 1, depth = 0;  // brackets that are open
    const auto add = [&](Token::Kind kind, std::string_view text) {
        tokens.push_back({kind, std::string(text), line});
    };
    bool fresh = true;  // at the beginning of a line
    for (size_t i = 0; i < source.size();) {
        if (fresh && depth == 0) {
            const size_t begin = i;
            while (i < source.size() && source[i] == ' ') ++i;
            if (i < source.size() && (source[i] == '\n' || source[i] == '#' || source[i] == '\r')) {
                while (i < source.size() && source[i] != '\n') ++i;
                i += i < source.size();
                ++line;
                continue;
            }
            const size_t indent = i - begin;
            if (indent > indents.back()) {
                indents.push_back(indent);
                check(indents.size() < static_cast<size_t>(deepest), "line ", line, ": nested too deeply");
                add(Token::Kind::indent, "");
            }
            while (indent < indents.back()) indents.pop_back(), add(Token::Kind::dedent, "");
            check(indent == indents.back(), "line ", line, ": it is not indented as the lines before");
            fresh = false;
            continue;
        }
        const char c = source[i];
        const std::string_view rest = source.substr(i);
        if (c == '\n') {
            if (depth == 0) add(Token::Kind::newline, ""), fresh = true;
            ++line, ++i;
        } else if (c == ' ' || c == '\r') {
            ++i;
        } else if (c == '#') {
            while (i < source.size() && source[i] != '\n') ++i;
        } else if (is_letter(c) || is_digit(c)) {
            size_t end = i;
            while (end < source.size() && (is_letter(source[end]) || is_digit(source[end]))) ++end;
            add(is_digit(c) ? Token::Kind::number : Token::Kind::name, source.substr(i, end - i));
            i = end;
        } else if (c == '\'' || c == '"') {
            size_t length = 0;
            add(Token::Kind::text, read_string(rest, length, line));
            i += length;
        } else {
            static constexpr std::string_view signs[] = {
                "//=", "**", "//", "==", "!=", "<=", ">=", "+=", "-=", "*=", "%=", "+", "-",
                "*",   "%",  "<",  ">",  "=",  "(",  ")",  "[",  "]",  ",",  ":",  "."};
            const auto* sign = std::find_if(std::begin(signs), std::end(signs),
                                            [&](std::string_view s) { return rest.starts_with(s); });
            check(sign != std::end(signs), "line ", line, ": a sign that is not known");
            depth += *sign == "(" || *sign == "[" ? 1 : *sign == ")" || *sign == "]" ? -1 : 0;
            add(Token::Kind::sign, *sign);
            i += sign->size();
        }
    }
    if (!fresh) add(Token::Kind::newline, "");
    for (; indents.size() > 1; indents.pop_back()) add(Token::Kind::dedent, "");
    add(Token::Kind::end, "");
    return tokens;
}

class Parser {
  public:
    explicit Parser(std::string_view source) : tokens_(tokens_of(source)) {}

    Program program() {
        Program out;
        expect("def");
        out.name = name();
        expect("(");
        while (!accept(")")) {
            if (!out.parameters.empty()) expect(",");
            out.parameters.push_back(name());
        }
        expect(":");
        out.body = block();
        check(peek().kind == Token::Kind::end, where(), "a program is one function");
        return out;
    }

    std::vector<Value> literals() {
        std::vector<Value> out;
        do {
            Node node = expression();
            out.push_back(literal(node));
        } while (accept(","));
        while (peek().kind == Token::Kind::newline) ++at_;
        check(peek().kind == Token::Kind::end, where(), "more than literals");
        return out;
    }

  private:
    // Counts how deeply rules are nested, so that no text exhausts the stack.
    struct Depth {
        explicit Depth(Parser& parser) : depth(parser.depth_) {
            check(++depth < 4 * deepest, parser.where(), "nested too deeply");
        }
        ~Depth() { --depth; }
        int& depth;
    };

    // A chain of operators of one level makes a tree as deep as it is long.
    void bound(int length) const { check(length < deepest, where(), "too many operators in a row"); }

    const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
    std::string where() const { return cat("line ", peek().line, ": "); }
    bool is(std::string_view text, size_t ahead = 0) const {
        const Token& token = peek(ahead);
        return (token.kind == Token::Kind::sign || token.kind == Token::Kind::name) && token.text == text;
    }
    bool accept(std::string_view text) {
        if (!is(text)) return false;
        ++at_;
        return true;
    }
    void expect(std::string_view text) { check(accept(text), where(), "expected ", text); }
    std::string name() {
        static constexpr std::string_view reserved[] = {"def",  "if",    "elif",   "else",  "for",
                                                        "in",   "while", "return", "break", "continue",
                                                        "pass", "and",   "or",     "not",   "lambda"};
        check(peek().kind == Token::Kind::name &&
                  std::find(std::begin(reserved), std::end(reserved), peek().text) == std::end(reserved),
              where(), "expected a name");
        return tokens_[at_++].text;
    }

    static Node make(Kind kind, std::string text, std::vector<Node> parts) {
        return {kind, std::move(text), {}, std::move(parts)};
    }
    template <class... Parts>
    static Node tree(Kind kind, std::string text, Parts&&... parts) {
        std::vector<Node> list;
        (list.push_back(std::forward<Parts>(parts)), ...);
        return make(kind, std::move(text), std::move(list));
    }

    Value literal(const Node& node) const {
        if (node.kind == Kind::constant) return node.value;
        if (node.kind == Kind::unary && node.text == "-" && node.parts[0].kind == Kind::constant)
            if (const auto* number = std::get_if<int64_t>(&node.parts[0].value.of)) return {-*number};
        check(node.kind == Kind::list, where(), "not a literal");
        std::vector<Value> items;
        for (const Node& part : node.parts) items.push_back(literal(part));
        return {std::move(items)};
    }

    Node block() {
        const Depth guard(*this);
        check(peek().kind == Token::Kind::newline, where(), "expected a new line");
        ++at_;
        check(peek().kind == Token::Kind::indent, where(), "expected an indented block");
        ++at_;
        Node out = make(Kind::block, "", {});
        while (peek().kind != Token::Kind::dedent) out.parts.push_back(statement());
        ++at_;
        return out;
    }

    void end_line() {
        check(peek().kind == Token::Kind::newline, where(), "expected the end of the line");
        ++at_;
    }

    Node branch() {
        const Depth guard(*this);
        Node condition = expression();
        expect(":");
        Node then = block(), otherwise = make(Kind::block, "", {});
        if (accept("elif")) {
            otherwise = branch();
        } else if (accept("else")) {
            expect(":");
            otherwise = block();
        }
        return tree(Kind::branch, "", std::move(condition), std::move(then), std::move(otherwise));
    }

    Node statement() {
        if (accept("if")) return branch();
        if (accept("for")) {
            std::string variable = name();
            expect("in");
            Node source = expression();
            expect(":");
            return tree(Kind::loop, std::move(variable), std::move(source), block());
        }
        if (accept("while")) {
            Node condition = expression();
            expect(":");
            return tree(Kind::repeat, "", std::move(condition), block());
        }
        Node out = simple_statement();
        end_line();
        return out;
    }

    Node simple_statement() {
        if (accept("return")) return tree(Kind::leave, "", expression());
        if (accept("break")) return make(Kind::stop, "", {});
        if (accept("continue")) return make(Kind::skip, "", {});
        if (accept("pass")) return make(Kind::block, "", {});
        Node target = expression();
        if (target.kind == Kind::method && target.text == "append") {
            check(target.parts.size() == 2 && target.parts[0].kind == Kind::name, where(),
                  "append needs a variable and one value");
            target.kind = Kind::append;
            return target;
        }
        check(target.kind == Kind::name || (target.kind == Kind::index && target.parts[0].kind == Kind::name),
              where(), "expected a statement");
        for (const std::string_view op : {"=", "+=", "-=", "*=", "//=", "%="})
            if (accept(op))
                return tree(Kind::assign, std::string(op.substr(0, op.size() - 1)), std::move(target),
                            expression());
        fail(where(), "expected a statement");
    }

    Node expression() {
        const Depth guard(*this);
        Node out = disjunction();
        if (!accept("if")) return out;
        Node condition = disjunction();
        expect("else");
        return tree(Kind::choose, "", std::move(out), std::move(condition), expression());
    }
    Node disjunction() {
        Node out = conjunction();
        for (int length = 0; accept("or"); bound(++length))
            out = tree(Kind::either, "", std::move(out), conjunction());
        return out;
    }
    Node conjunction() {
        Node out = negation();
        for (int length = 0; accept("and"); bound(++length))
            out = tree(Kind::both, "", std::move(out), negation());
        return out;
    }
    Node negation() {
        const Depth guard(*this);
        if (accept("not")) return tree(Kind::unary, "not", negation());
        Node out = sum();
        const bool absent = is("not") && is("in", 1);
        for (const std::string_view op : {"==", "!=", "<=", ">=", "<", ">", "in", "not"}) {
            if (!is(op) || (op == "not" && !absent)) continue;
            at_ += absent ? 2 : 1;
            Node right = sum();
            for (const std::string_view chained : {"==", "!=", "<=", ">=", "<", ">", "in"})
                check(!is(chained), where(), "comparisons in a chain are not known");
            return tree(Kind::compare, absent ? "not in" : std::string(op), std::move(out), std::move(right));
        }
        return out;
    }
    Node sum() {
        Node out = product();
        for (int length = 0; is("+") || is("-"); bound(++length)) {
            std::string op = tokens_[at_++].text;
            out = tree(Kind::binary, std::move(op), std::move(out), product());
        }
        return out;
    }
    Node product() {
        Node out = factor();
        for (int length = 0; is("*") || is("//") || is("%"); bound(++length)) {
            std::string op = tokens_[at_++].text;
            out = tree(Kind::binary, std::move(op), std::move(out), factor());
        }
        return out;
    }
    Node factor() {
        const Depth guard(*this);
        if (accept("-")) return tree(Kind::unary, "-", factor());
        return postfix();
    }
    std::vector<Node> arguments() {
        std::vector<Node> out;
        while (!accept(")")) {
            if (!out.empty()) expect(",");
            out.push_back(expression());
        }
        return out;
    }
    Node postfix() {
        Node out = atom();
        for (int length = 0;; bound(++length)) {
            if (accept("[")) {
                out = subscript(std::move(out));
            } else if (accept(".")) {
                std::string method = name();
                expect("(");
                std::vector<Node> parts = arguments();
                parts.insert(parts.begin(), std::move(out));
                out = make(Kind::method, std::move(method), std::move(parts));
            } else {
                return out;
            }
        }
    }
    Node subscript(Node of) {
        Node bounds[3];
        int count = 0;
        for (;; ++count) {
            check(count < 3, where(), "a slice has three parts");
            if (!is(":") && !is("]")) bounds[count] = expression();
            if (!accept(":")) break;
        }
        expect("]");
        if (count == 0) {
            check(bounds[0].kind != Kind::nothing, where(), "an index is missing");
            return tree(Kind::index, "", std::move(of), std::move(bounds[0]));
        }
        return tree(Kind::slice, "", std::move(of), std::move(bounds[0]), std::move(bounds[1]),
                    std::move(bounds[2]));
    }
    Node atom() {
        const Depth guard(*this);
        const Token& token = peek();
        if (token.kind == Token::Kind::number) {
            check(token.text.size() <= 18 && std::all_of(token.text.begin(), token.text.end(), is_digit) &&
                      (token.text == "0" || token.text[0] != '0'),
                  where(), "not an integer of at most 18 digits");
            ++at_;
            return {Kind::constant, "", {static_cast<int64_t>(std::stoll(token.text))}, {}};
        }
        if (token.kind == Token::Kind::text) return {Kind::constant, "", {tokens_[at_++].text}, {}};
        if (accept("True")) return {Kind::constant, "", {true}, {}};
        if (accept("False")) return {Kind::constant, "", {false}, {}};
        if (accept("None")) return {Kind::constant, "", {}, {}};
        if (accept("(")) {
            Node out = expression();
            expect(")");
            return out;
        }
        if (accept("[")) return list();
        std::string word = name();
        if (accept("(")) return make(Kind::call, std::move(word), arguments());
        return make(Kind::name, std::move(word), {});
    }
    Node list() {
        if (accept("]")) return make(Kind::list, "", {});
        Node first = expression();
        if (accept("for")) {
            std::string variable = name();
            expect("in");
            Node source = disjunction(), condition;
            if (accept("if")) condition = disjunction();
            expect("]");
            return tree(Kind::comprehension, std::move(variable), std::move(first), std::move(source),
                        std::move(condition));
        }
        std::vector<Node> parts;
        parts.push_back(std::move(first));
        while (!accept("]")) {
            expect(",");
            if (accept("]")) break;
            parts.push_back(expression());
        }
        return make(Kind::list, "", std::move(parts));
    }

    std::vector<Token> tokens_;
    size_t at_ = 0;
    int depth_ = 0;
};

}  // namespace

Program parse_program(std::string_view source) {
    return Parser(source).program();
}

std::optional<std::vector<Value>> parse_literals(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t\r\n"), last = text.find_last_not_of(" \t\r\n");
    if (first == std::string_view::npos) return std::nullopt;
    try {
        return Parser(text.substr(first, last - first + 1)).literals();
    } catch (const Error&) {
        return std::nullopt;
    }
}

}  // namespace r1::mini_python
