#include <algorithm>

#include "core/check.h"
#include "text/jinja_ast.h"
#include "text/jinja_expressions.h"

namespace r1::jinja {
namespace {

class Parser : ExpressionParser {
  public:
    explicit Parser(std::string_view source) : ExpressionParser(source) {}

    Block run() {
        Block block = statements({});
        return block;
    }

  private:
    // Up to a tag whose name is among `ends`, which is left to be read; to the end of the template if there
    // are none.
    Block statements(std::vector<std::string_view> ends) {
        Nesting nesting(*this);
        Block block;
        for (;;) {
            switch (now().kind) {
                case Token::Kind::end:
                    if (!ends.empty()) error(cat("'", ends.back(), "' is missing"));
                    return block;
                case Token::Kind::data: {
                    auto statement = begin(Statement::Kind::text);
                    statement->text = tokens_[position_++].text;
                    block.push_back(std::move(statement));
                    break;
                }
                case Token::Kind::variable_begin: {
                    auto statement = begin(Statement::Kind::print);
                    ++position_;
                    statement->expression = tuple();
                    expect(Token::Kind::variable_end);
                    block.push_back(std::move(statement));
                    break;
                }
                case Token::Kind::block_begin: {
                    ++position_;
                    if (now().kind == Token::Kind::name &&
                        std::find(ends.begin(), ends.end(), now().text) != ends.end())
                        return block;
                    block.push_back(tag());
                    break;
                }
                default:
                    unexpected();
            }
        }
    }

    std::unique_ptr<Statement> begin(Statement::Kind kind) const {
        auto statement = std::make_unique<Statement>();
        statement->kind = kind;
        statement->line = now().line;
        return statement;
    }

    // The body of a tag up to the end tag, which is consumed with its end.
    Block body(std::string_view end) {
        expect(Token::Kind::block_end);
        Block block = statements({end});
        ++position_;
        expect(Token::Kind::block_end);
        return block;
    }

    std::unique_ptr<Statement> tag() {
        if (accept_name("if")) return branch();
        if (accept_name("for")) return loop();
        if (accept_name("set")) return set();
        if (accept_name("macro")) return macro();
        if (accept_name("call")) return call_block();
        if (accept_name("filter")) return filter_block();
        if (accept_name("with")) return with();
        if (accept_name("generation")) {
            auto statement = begin(Statement::Kind::scope);
            statement->body = body("endgeneration");
            return statement;
        }
        if (at_name("break") || at_name("continue")) {
            if (loops_ == 0) error(cat("'", now().text, "' outside of a loop"));
            auto statement =
                begin(at_name("break") ? Statement::Kind::break_loop : Statement::Kind::continue_loop);
            ++position_;
            expect(Token::Kind::block_end);
            return statement;
        }
        error(cat("the tag '", now().text, "' is not supported here"));
    }

    std::unique_ptr<Statement> branch() {
        auto statement = begin(Statement::Kind::branch);
        for (;;) {
            ExpressionPtr condition = tuple();
            expect(Token::Kind::block_end);
            Block block = statements({"elif", "else", "endif"});
            statement->branches.emplace_back(std::move(condition), std::move(block));
            if (accept_name("elif")) continue;
            if (accept_name("else")) {
                statement->branches.emplace_back(nullptr, body("endif"));
            } else {
                ++position_;
                expect(Token::Kind::block_end);
            }
            return statement;
        }
    }

    std::unique_ptr<Statement> loop() {
        auto statement = begin(Statement::Kind::loop);
        statement->target = target(false);
        if (!accept_name("in")) unexpected();
        statement->expression = tuple(false);
        if (accept_name("if")) statement->condition = expression();
        if (at_name("recursive")) error("recursive loops are not supported");
        expect(Token::Kind::block_end);
        ++loops_;
        statement->body = statements({"else", "endfor"});
        --loops_;
        if (accept_name("else")) {
            statement->otherwise = body("endfor");
        } else {
            ++position_;
            expect(Token::Kind::block_end);
        }
        return statement;
    }

    // One target, or several with commas.
    Target target(bool with_attribute) {
        Nesting nesting(*this);
        Target first = single_target(with_attribute);
        if (!at_op(",")) return first;
        Target out;
        out.parts.push_back(std::move(first));
        while (accept_op(",")) {
            if (!at_op("(") && (now().kind != Token::Kind::name || at_name("in"))) break;
            out.parts.push_back(single_target(false));
        }
        return out;
    }

    Target single_target(bool with_attribute) {
        if (accept_op("(")) {
            Target inside = target(false);
            expect_op(")");
            return inside;
        }
        static constexpr std::string_view reserved[] = {"true", "false", "none", "True", "False", "None"};
        Target out;
        out.name = expect_name();
        if (std::find(std::begin(reserved), std::end(reserved), out.name) != std::end(reserved))
            error(cat("cannot assign to '", out.name, "'"));
        if (with_attribute && accept_op(".")) out.attribute = expect_name();
        return out;
    }

    std::unique_ptr<Statement> set() {
        auto statement = begin(Statement::Kind::set);
        statement->target = target(true);
        if (accept_op("=")) {
            statement->expression = tuple();
            expect(Token::Kind::block_end);
            return statement;
        }
        statement->kind = Statement::Kind::set_block;
        statement->expression = filters(nullptr);
        statement->body = body("endset");
        return statement;
    }

    std::unique_ptr<Macro> signature(std::string name) {
        auto macro = std::make_unique<Macro>();
        macro->name = std::move(name);
        expect_op("(");
        while (!accept_op(")")) {
            if (!macro->parameters.empty()) {
                expect_op(",");
                if (accept_op(")")) break;
            }
            Parameter parameter{expect_name(), nullptr};
            if (accept_op("="))
                parameter.otherwise = expression();
            else if (!macro->parameters.empty() && macro->parameters.back().otherwise)
                error("a parameter without a default follows one with a default");
            macro->parameters.push_back(std::move(parameter));
        }
        return macro;
    }

    void macro_body(Macro& macro, std::string_view end) {
        macros_.push_back(&macro);
        int loops = std::exchange(loops_, 0);
        macro.body = body(end);
        loops_ = loops;
        macros_.pop_back();
    }

    std::unique_ptr<Statement> macro() {
        auto statement = begin(Statement::Kind::macro);
        statement->macro = signature(expect_name());
        macro_body(*statement->macro, "endmacro");
        return statement;
    }

    std::unique_ptr<Statement> call_block() {
        auto statement = begin(Statement::Kind::call_block);
        if (at_op("(")) {
            statement->macro = signature("caller");
        } else {
            statement->macro = std::make_unique<Macro>();
            statement->macro->name = "caller";
        }
        statement->expression = expression();
        if (statement->expression->kind != Kind::call) error("'call' needs a call");
        macro_body(*statement->macro, "endcall");
        return statement;
    }

    std::unique_ptr<Statement> filter_block() {
        auto statement = begin(Statement::Kind::filter_block);
        statement->expression = filters(nullptr, true);
        statement->body = body("endfilter");
        return statement;
    }

    std::unique_ptr<Statement> with() {
        auto statement = begin(Statement::Kind::scope);
        while (now().kind != Token::Kind::block_end) {
            if (!statement->assignments.empty()) expect_op(",");
            Target name = target(false);
            expect_op("=");
            statement->assignments.emplace_back(std::move(name), expression());
        }
        statement->body = body("endwith");
        return statement;
    }

    int loops_ = 0;
};

}  // namespace

Block parse_template(std::string_view source) {
    return Parser(source).run();
}

}  // namespace r1::jinja
