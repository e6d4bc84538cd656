#include "text/jinja_interpreter.h"

#include <algorithm>

#include "core/check.h"
#include "text/python_string.h"

namespace r1::jinja {
namespace {

constexpr size_t max_steps = 20'000'000;
constexpr int max_depth = 600;  // of statements and expressions within each other, macro calls included
constexpr size_t max_namespaces = 10'000;

}  // namespace

void Scope::set(std::string_view name, Value value) {
    for (auto& [known, old] : variables)
        if (known == name) {
            old = std::move(value);
            return;
        }
    variables.emplace_back(name, std::move(value));
}

const Value* Scope::find(std::string_view name) const {
    for (const Scope* scope = this; scope; scope = scope->parent)
        for (const auto& [known, value] : scope->variables)
            if (known == name) return &value;
    return nullptr;
}

Interpreter::Depth::Depth(Interpreter& interpreter) : depth(interpreter.depth_) {
    check(depth < max_depth, "the template recurses too deeply");
    ++depth;
}

Interpreter::Frame::Frame(Interpreter& interpreter, Scope* parent)
    : interpreter_(interpreter), outer_(interpreter.scope_), scope_(std::make_unique<Scope>()) {
    scope_->parent = parent;
    interpreter_.scope_ = scope_.get();
}

Interpreter::Frame::~Frame() {
    interpreter_.scope_ = outer_;
    if (scope_->captured) interpreter_.captured_.push_back(std::move(scope_));
}

void Interpreter::charge(size_t steps) {
    steps_ += steps;
    check(steps_ <= max_steps, "the template takes too many steps");
}

std::string Interpreter::render(const Block& block, std::vector<std::pair<std::string, Value>> variables) {
    try {
        Frame frame(*this, nullptr);
        frame.scope().variables = std::move(variables);
        std::string out;
        run(block, out);
        return out;
    } catch (const Error& error) {
        fail("chat template, line ", line_, ": ", error.what());
    }
}

void Interpreter::append(std::string& out, std::string_view text) {
    charge(1 + text.size() / 64);
    out += text;
    check(out.size() <= max_text, "the template's output grows beyond ", max_text, " bytes");
}

// Statements
// ----------------------------------------------------------------------------------------------------------

Interpreter::Flow Interpreter::run(const Block& block, std::string& out) {
    for (const auto& statement : block) {
        Flow flow = run(*statement, out);
        if (flow != Flow::normal) return flow;
    }
    return Flow::normal;
}

Interpreter::Flow Interpreter::run(const Statement& statement, std::string& out) {
    Depth depth(*this);
    charge(1);
    line_ = statement.line;
    switch (statement.kind) {
        case Statement::Kind::text:
            append(out, statement.text);
            break;
        case Statement::Kind::print:
            append(out, to_text(evaluate(*statement.expression)));
            break;
        case Statement::Kind::branch:
            for (const auto& [condition, block] : statement.branches)
                if (!condition || truthy(evaluate(*condition))) return run(block, out);
            break;
        case Statement::Kind::loop:
            return run_loop(statement, out);
        case Statement::Kind::set:
            assign(statement.target, evaluate(*statement.expression));
            break;
        case Statement::Kind::set_block:
        case Statement::Kind::filter_block: {
            Value text = Value::string(capture(statement.body));
            if (statement.expression) {
                Frame frame(*this, scope_);
                frame.scope().set("", text);  // what the innermost filter of the chain takes
                text = evaluate(*statement.expression);
            }
            if (statement.kind == Statement::Kind::set_block)
                assign(statement.target, text);
            else
                append(out, to_text(text));
            break;
        }
        case Statement::Kind::macro:
            scope_->set(statement.macro->name, make_macro(*statement.macro));
            break;
        case Statement::Kind::call_block: {
            Value caller = make_macro(*statement.macro);
            append(out, to_text(evaluate_call(*statement.expression, &caller)));
            break;
        }
        case Statement::Kind::scope: {
            std::vector<Value> values;
            for (const auto& [target, expression] : statement.assignments)
                values.push_back(evaluate(*expression));
            Frame frame(*this, scope_);
            for (size_t i = 0; i < values.size(); ++i) assign(statement.assignments[i].first, values[i]);
            return run(statement.body, out);
        }
        case Statement::Kind::break_loop:
            return Flow::stop;
        case Statement::Kind::continue_loop:
            return Flow::next;
    }
    return Flow::normal;
}

Interpreter::Flow Interpreter::run_loop(const Statement& statement, std::string& out) {
    std::vector<Value> items = iterate(evaluate(*statement.expression));
    if (statement.condition) {
        std::vector<Value> kept;
        for (const Value& item : items) {
            Frame frame(*this, scope_);
            assign(statement.target, item);
            if (truthy(evaluate(*statement.condition))) kept.push_back(item);
        }
        items = std::move(kept);
    }
    auto sequence = std::make_shared<Sequence>();
    sequence->items = std::move(items);
    for (const Value& item : sequence->items)
        sequence->height = std::max(sequence->height, item.height() + 1);
    auto loop = std::make_shared<Loop>();
    loop->items = sequence;
    for (; loop->index < sequence->items.size(); ++loop->index) {
        charge(1);
        Frame frame(*this, scope_);
        frame.scope().set("loop", Value::Data(loop));
        assign(statement.target, sequence->items[loop->index]);
        if (run(statement.body, out) == Flow::stop) break;
    }
    if (sequence->items.empty()) return run(statement.otherwise, out);
    return Flow::normal;
}

std::string Interpreter::capture(const Block& block) {
    Frame frame(*this, scope_);
    std::string out;
    run(block, out);
    return out;
}

void Interpreter::assign(const Target& target, const Value& value) {
    if (!target.attribute.empty()) {
        const Value* object = scope_->find(target.name);
        auto space = object ? object->get<Namespace*>() : nullptr;
        check(space, "cannot assign attribute on non-namespace object");
        check(!target.attribute.starts_with('_'),
              "chat templates cannot store underscore-prefixed attributes on a namespace");
        for (auto& [name, old] : (*space)->attributes)
            if (name == target.attribute) {
                old = value;
                return;
            }
        (*space)->attributes.emplace_back(target.attribute, value);
        return;
    }
    if (target.parts.empty()) return scope_->set(target.name, value);
    std::vector<Value> items = iterate(value);
    check(items.size() == target.parts.size(), "cannot unpack ", items.size(), " values into ",
          target.parts.size(), " names");
    for (size_t i = 0; i < items.size(); ++i) assign(target.parts[i], items[i]);
}

Value Interpreter::make_macro(const Macro& macro) {
    for (Scope* scope = scope_; scope && !scope->captured; scope = scope->parent) scope->captured = true;
    return Value::callable(macro.name,
                           [&macro, closure = scope_](Interpreter& interpreter, Arguments& arguments) {
                               return interpreter.call_macro(macro, closure, arguments);
                           });
}

Value Interpreter::call_macro(const Macro& macro, Scope* closure, Arguments& arguments) {
    Frame frame(*this, closure);
    Scope& scope = frame.scope();
    size_t known = std::min(arguments.positional.size(), macro.parameters.size());
    std::vector<bool> used(arguments.named.size());
    for (size_t i = 0; i < macro.parameters.size(); ++i) {
        const Parameter& parameter = macro.parameters[i];
        auto named = std::find_if(arguments.named.begin(), arguments.named.end(),
                                  [&](const auto& argument) { return argument.first == parameter.name; });
        if (named != arguments.named.end()) {
            check(i >= known, "macro '", macro.name, "' got multiple values for argument '", parameter.name,
                  "'");
            used[static_cast<size_t>(named - arguments.named.begin())] = true;
            scope.set(parameter.name, named->second);
        } else if (i < known) {
            scope.set(parameter.name, arguments.positional[i]);
        } else if (parameter.otherwise) {
            scope.set(parameter.name, evaluate(*parameter.otherwise));
        } else {
            scope.set(parameter.name,
                      Value::undefined(cat("parameter '", parameter.name, "' was not provided")));
        }
    }
    check(arguments.positional.size() <= known || macro.uses_varargs, "macro '", macro.name,
          "' takes not more than ", macro.parameters.size(), " argument(s)");
    std::vector<std::pair<Value, Value>> rest;
    bool caller_given = false;
    for (size_t i = 0; i < arguments.named.size(); ++i) {
        auto& [name, value] = arguments.named[i];
        if (used[i]) continue;
        if (name == "caller" && macro.uses_caller) {
            scope.set(name, value);
            caller_given = true;
            continue;
        }
        check(macro.uses_kwargs, "macro '", macro.name, "' takes no keyword argument '", name, "'");
        rest.emplace_back(Value::string(name), value);
    }
    if (macro.uses_caller && !caller_given && !scope.find("caller"))
        scope.set("caller", Value::undefined("No caller defined"));
    if (macro.uses_kwargs) scope.set("kwargs", Value::mapping(std::move(rest)));
    if (macro.uses_varargs)
        scope.set("varargs",
                  Value::sequence({arguments.positional.begin() + static_cast<std::ptrdiff_t>(known),
                                   arguments.positional.end()},
                                  Sequence::Kind::tuple));
    std::string out;
    run(macro.body, out);
    return Value::string(std::move(out));
}

// Expressions
// ---------------------------------------------------------------------------------------------------------

Value Interpreter::evaluate(const Expression& node) {
    Depth depth(*this);
    charge(1);
    line_ = node.line;
    switch (node.kind) {
        case Expression::Kind::constant:
            return node.constant;
        case Expression::Kind::name:
            return evaluate_name(node);
        case Expression::Kind::list:
            return Value::sequence(evaluate_all(node.arguments));
        case Expression::Kind::tuple:
            return Value::sequence(evaluate_all(node.arguments), Sequence::Kind::tuple);
        case Expression::Kind::dict:
            return evaluate_dict(node);
        case Expression::Kind::unary:
            return evaluate_unary(node);
        case Expression::Kind::binary:
            return evaluate_binary(node);
        case Expression::Kind::compare:
            return evaluate_compare(node);
        case Expression::Kind::conditional:
            return evaluate_conditional(node);
        case Expression::Kind::attribute:
            return attribute(evaluate(*node.arguments[0]), node.text);
        case Expression::Kind::item: {
            Value object = evaluate(*node.arguments[0]);
            return item(object, evaluate(*node.arguments[1]));
        }
        case Expression::Kind::slice:
            return evaluate_slice(node);
        case Expression::Kind::call:
            return evaluate_call(node);
        case Expression::Kind::filter: {
            Value value = node.arguments[0] ? evaluate(*node.arguments[0]) : *scope_->find("");
            Arguments arguments = evaluate_arguments(node);
            return filter(node.text, value, arguments);
        }
        case Expression::Kind::test: {
            bool wants_defined = node.text == "defined" || node.text == "undefined";
            Value value = evaluate(*node.arguments[0]);
            if (wants_defined) return Value::boolean(value.is_undefined() == (node.text == "undefined"));
            Arguments arguments = evaluate_arguments(node);
            return Value::boolean(test(node.text, value, arguments));
        }
    }
    return {};
}

Value Interpreter::evaluate_name(const Expression& node) {
    if (const Value* value = scope_->find(node.text)) return *value;
    if (auto value = global(node.text)) return *value;
    return Value::undefined("'" + node.text + "' is undefined");
}

std::vector<Value> Interpreter::evaluate_all(const std::vector<ExpressionPtr>& nodes, size_t first) {
    std::vector<Value> out;
    for (size_t i = first; i < nodes.size(); ++i) out.push_back(evaluate(*nodes[i]));
    return out;
}

Value Interpreter::evaluate_dict(const Expression& node) {
    std::vector<std::pair<Value, Value>> entries;
    for (size_t i = 0; i < node.arguments.size(); i += 2) {
        Value key = evaluate(*node.arguments[i]), value = evaluate(*node.arguments[i + 1]);
        check(!key.as_mapping() && !(key.as_sequence() && key.as_sequence()->kind == Sequence::Kind::list),
              "unhashable type: '", type_name(key), "'");
        charge(1 + entries.size() / 16);
        auto known =
            std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return equal(e.first, key); });
        if (known != entries.end())
            known->second = std::move(value);
        else
            entries.emplace_back(std::move(key), std::move(value));
    }
    return Value::mapping(std::move(entries));
}

Value Interpreter::evaluate_unary(const Expression& node) {
    Value value = evaluate(*node.arguments[0]);
    if (node.text == "not") return Value::boolean(!truthy(value));
    if (value.is_undefined()) fail_undefined(value);
    check(value.is_number(), "bad operand type for unary ", node.text, ": '", type_name(value), "'");
    bool negative = node.text == "-";
    if (value.is<double>()) return Value::real(negative ? -value.as_double() : value.as_double());
    return binary(*this, negative ? "-" : "+", Value::integer(0), value);
}

Value Interpreter::evaluate_binary(const Expression& node) {
    Value left = evaluate(*node.arguments[0]);
    if (node.text == "and") return truthy(left) ? evaluate(*node.arguments[1]) : left;
    if (node.text == "or") return truthy(left) ? left : evaluate(*node.arguments[1]);
    Value right = evaluate(*node.arguments[1]);
    line_ = node.line;
    return binary(*this, node.text, left, right);
}

Value Interpreter::evaluate_compare(const Expression& node) {
    Value left = evaluate(*node.arguments[0]);
    for (size_t i = 0; i < node.operators.size(); ++i) {
        Value right = evaluate(*node.arguments[i + 1]);
        const std::string& op = node.operators[i];
        charge(1 + (left.is_string() && right.is_string() ? right.text().size() / 64 : 0));
        bool holds;
        if (op == "==" || op == "!=") {
            holds = equal(left, right) == (op == "==");
        } else if (op == "in" || op == "not in") {
            holds = contains(*this, right, left) == (op == "in");
        } else {
            int order = compare(left, right);
            holds = op == "<"    ? order < 0
                    : op == ">"  ? order == 1
                    : op == "<=" ? order <= 0
                                 : order == 0 || order == 1;
        }
        if (!holds) return Value::boolean(false);
        left = std::move(right);
    }
    return Value::boolean(true);
}

Value Interpreter::evaluate_conditional(const Expression& node) {
    if (truthy(evaluate(*node.arguments[0]))) return evaluate(*node.arguments[1]);
    if (node.arguments[2]) return evaluate(*node.arguments[2]);
    return Value::undefined("the inline if-expression evaluated to false and no else section was defined");
}

Value Interpreter::evaluate_slice(const Expression& node) {
    Value object = evaluate(*node.arguments[0]);
    std::optional<int64_t> bounds[3];
    for (size_t i = 0; i < 3; ++i) {
        if (!node.arguments[i + 1]) continue;
        Value bound = evaluate(*node.arguments[i + 1]);
        if (bound.is_undefined()) fail_undefined(bound);
        if (!bound.is_none()) bounds[i] = integer_argument("slice", bound);
    }
    if (object.is_undefined()) fail_undefined(object);
    int64_t step = bounds[2].value_or(1);
    if (object.is_string()) {
        charge(object.text().size() / 16);
        return Value::string(python::slice(object.text(), bounds[0], bounds[1], step));
    }
    const Sequence* sequence = object.as_sequence();
    if (!sequence || sequence->kind == Sequence::Kind::view || sequence->kind == Sequence::Kind::iterator)
        return Value::undefined(cat(object_name(object), " has no slices"));
    charge(sequence->items.size());
    std::vector<Value> items;
    for (size_t index : python::slice_indices(sequence->items.size(), bounds[0], bounds[1], step))
        items.push_back(sequence->items[index]);
    auto kind = sequence->kind == Sequence::Kind::tuple ? Sequence::Kind::tuple : Sequence::Kind::list;
    return Value::sequence(std::move(items), kind);
}

Arguments Interpreter::evaluate_arguments(const Expression& node) {
    Arguments out;
    out.positional = evaluate_all(node.arguments, 1);
    if (node.more_arguments)
        for (Value& value : iterate(evaluate(*node.more_arguments)))
            out.positional.push_back(std::move(value));
    for (const auto& [name, expression] : node.named) out.named.emplace_back(name, evaluate(*expression));
    if (node.more_named) {
        Value more = evaluate(*node.more_named);
        check(more.as_mapping() != nullptr, "argument after ** must be a mapping, not ", type_name(more));
        for (const auto& [key, value] : more.as_mapping()->entries) {
            check(key.is_string(), "keywords must be strings");
            out.named.emplace_back(key.text(), value);
        }
    }
    return out;
}

Value Interpreter::evaluate_call(const Expression& node, const Value* caller) {
    Value callee = evaluate(*node.arguments[0]);
    Arguments arguments = evaluate_arguments(node);
    if (caller) arguments.named.emplace_back("caller", *caller);
    line_ = node.line;
    return call(callee, arguments);
}

Value Interpreter::call(const Value& callee, Arguments& arguments) {
    if (callee.is_undefined()) fail_undefined(callee);
    auto function = callee.get<std::shared_ptr<const Callable>>();
    check(function, "'", type_name(callee), "' object is not callable");
    return (*function)->call(*this, arguments);
}

Value Interpreter::attribute(const Value& object, std::string_view name) {
    if (object.is_undefined()) fail_undefined(object);
    if (auto space = object.get<Namespace*>()) {
        for (const auto& [known, value] : (*space)->attributes)
            if (known == name) return value;
    } else if (auto value = method(object, name)) {
        return *value;
    } else if (const Mapping* mapping = object.as_mapping()) {
        charge(1 + mapping->entries.size() / 16);
        for (const auto& [key, entry] : mapping->entries)
            if (key.is_string() && key.text() == name) return entry;
    }
    return Value::undefined(cat(object_name(object), " has no attribute '", name, "'"));
}

Value Interpreter::item(const Value& object, const Value& key) {
    if (object.is_undefined()) fail_undefined(object);
    if (const Mapping* mapping = object.as_mapping()) {
        charge(1 + mapping->entries.size() / 16);
        if (const Value* value = find(*mapping, key)) return *value;
    } else if (auto index = key.as_integer()) {
        if (object.is_string()) {
            charge(object.text().size() / 16);
            std::string character = python::slice(object.text(), *index,
                                                  *index == -1 ? std::nullopt : std::optional(*index + 1), 1);
            if (!character.empty()) return Value::string(std::move(character));
        } else if (const Sequence* sequence = object.as_sequence();
                   sequence && sequence->kind != Sequence::Kind::view &&
                   sequence->kind != Sequence::Kind::iterator) {
            auto size = static_cast<int64_t>(sequence->items.size());
            int64_t at = *index < 0 ? *index + size : *index;
            if (at >= 0 && at < size) return sequence->items[static_cast<size_t>(at)];
        }
    }
    if (key.is_string()) return attribute(object, key.text());
    if (key.is_undefined()) fail_undefined(key);
    return Value::undefined(cat(object_name(object), " has no element ", repr(key)));
}

std::vector<Value> Interpreter::iterate(const Value& value) {
    std::vector<Value> out;
    if (value.is_undefined()) return out;
    if (const Sequence* sequence = value.as_sequence()) {
        charge(sequence->items.size());
        if (sequence->kind == Sequence::Kind::iterator && std::exchange(sequence->consumed, true)) return out;
        return sequence->items;
    }
    if (const Mapping* mapping = value.as_mapping()) {
        charge(mapping->entries.size());
        for (const auto& [key, entry] : mapping->entries) out.push_back(key);
        return out;
    }
    check(value.is_string(), "'", type_name(value), "' object is not iterable");
    std::string_view text = value.text();
    charge(text.size());
    for (size_t position = 0; position < text.size();) {
        size_t begin = position++;
        while (position < text.size() && (text[position] & 0xC0) == 0x80) ++position;
        out.push_back(Value::string(std::string(text.substr(begin, position - begin))));
    }
    return out;
}

Value Interpreter::new_namespace(std::vector<std::pair<std::string, Value>> attributes) {
    check(namespaces_.size() < max_namespaces, "the template makes too many namespaces");
    namespaces_.push_back({std::move(attributes)});
    return Value::Data(&namespaces_.back());
}

}  // namespace r1::jinja
