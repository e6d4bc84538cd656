// Runs a chat template's syntax tree.
#pragma once
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja_ast.h"

namespace r1::jinja {

// Variables of one block; a block sees its own and those of the blocks around it.
struct Scope {
    Scope* parent = nullptr;
    std::vector<std::pair<std::string, Value>> variables;
    bool captured = false;  // a macro may still look into it when the block has ended
    void set(std::string_view name, Value value);
    const Value* find(std::string_view name) const;
};

class Interpreter {
  public:
    // Throws, with the template's line, what the template raises, and when it takes more steps, memory or
    // depth than any sensible template does.
    std::string render(const Block& block, std::vector<std::pair<std::string, Value>> variables);

    // For filters, tests and methods.
    void charge(size_t steps);  // counts work; throws if the budget is spent
    Value filter(std::string_view name, const Value& value, Arguments& arguments);
    bool test(std::string_view name, const Value& value, Arguments& arguments);
    Value call(const Value& callee, Arguments& arguments);
    Value attribute(const Value& object, std::string_view name);
    Value item(const Value& object, const Value& key);
    std::vector<Value> iterate(const Value& value);
    Value new_namespace(std::vector<std::pair<std::string, Value>> attributes);

  private:
    enum class Flow { normal, stop, next };
    struct Depth {
        explicit Depth(Interpreter& interpreter);
        ~Depth() { --depth; }
        int& depth;
    };
    // The scope of a block that is being run.
    class Frame {
      public:
        Frame(Interpreter& interpreter, Scope* parent);
        ~Frame();
        Frame(const Frame&) = delete;
        Frame& operator=(const Frame&) = delete;
        Scope& scope() { return *scope_; }

      private:
        Interpreter& interpreter_;
        Scope* outer_;
        std::unique_ptr<Scope> scope_;
    };

    Flow run(const Block& block, std::string& out);
    Flow run(const Statement& statement, std::string& out);
    Flow run_loop(const Statement& statement, std::string& out);
    void append(std::string& out, std::string_view text);
    std::string capture(const Block& block);  // the output of a block in a scope of its own
    void assign(const Target& target, const Value& value);
    Value make_macro(const Macro& macro);
    Value call_macro(const Macro& macro, Scope* closure, Arguments& arguments);

    Value evaluate(const Expression& node);
    Value evaluate_name(const Expression& node);
    Value evaluate_dict(const Expression& node);
    Value evaluate_unary(const Expression& node);
    Value evaluate_binary(const Expression& node);
    Value evaluate_compare(const Expression& node);
    Value evaluate_conditional(const Expression& node);
    Value evaluate_slice(const Expression& node);
    Value evaluate_call(const Expression& node, const Value* caller = nullptr);
    std::vector<Value> evaluate_all(const std::vector<ExpressionPtr>& nodes, size_t first = 0);
    Arguments evaluate_arguments(const Expression& node);

    Scope* scope_ = nullptr;
    std::vector<std::unique_ptr<Scope>> captured_;
    std::deque<Namespace> namespaces_;
    int line_ = 0;
    int depth_ = 0;
    size_t steps_ = 0;
};

// Operators.
Value binary(Interpreter& interpreter, std::string_view op, const Value& left, const Value& right);
bool contains(Interpreter& interpreter, const Value& container, const Value& value);

// printf-style formatting: text % values.
std::string percent_format(Interpreter& interpreter, std::string_view text, const Value& values);
std::string brace_format(Interpreter& interpreter, std::string_view text,
                         const Arguments& arguments);  // str.format

// A method of a str, dict, list or loop; nothing if it has none of that name.
std::optional<Value> method(const Value& object, std::string_view name);
// range, dict, namespace, raise_exception, strftime_now.
std::optional<Value> global(std::string_view name);

// Arguments in the order of `names`; nothing for those that are not given. Throws on one too many or unknown.
std::vector<std::optional<Value>> bind_arguments(std::string_view function, Arguments& arguments,
                                                 std::initializer_list<std::string_view> names);
int64_t integer_argument(std::string_view function, const Value& value);
std::string string_argument(std::string_view function, const Value& value);

}  // namespace r1::jinja
