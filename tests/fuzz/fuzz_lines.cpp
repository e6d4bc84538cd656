// JSON lines: a file of problems (plain or gzip) whose golds then grade an answer, and each line as a request
// of the verbs and as a row of `check --gradients`.
#include <nlohmann/json.hpp>

#include "cli/request.h"
#include "core/check.h"
#include "data/load.h"
#include "data/rows.h"
#include "fuzz/input_file.h"
#include "reward/verifier.h"
#include "rl/batch_gradient.h"
#include "text/chat_template.h"

namespace {

// What a verb answers with {"error": …}.
template <class Action>
void attempt(const Action& action) {
    try {
        action();
    } catch (const r1::Error&) {
    } catch (const nlohmann::json::exception&) {
    }
}

void problems(const r1::fs::path& path) {
    for (const r1::Example& example : r1::load_examples(path).examples) {
        if (example.kind == "code" || example.kind == "bugfix")
            continue;  // a verdict would run what it is given
        const std::string_view answers[] = {"<think> 1 </think> <answer> (1 + 2) * 3 </answer>", "#### 18"};
        for (const auto answer : answers) {
            if (r1::verify(example.kind, example.gold, answer).outcome == r1::Outcome::error) std::abort();
        }
    }
}

void request(const std::string& line) {
    static const r1::ChatTemplate chat(
        "{% for m in messages %}<|im_start|>{{ m['role'] + '\n' + m['content'] }}<|im_end|>{% endfor %}", {});
    const nlohmann::json row = r1::cli::parse_line(line);
    attempt([&] { (void)r1::grade(row).dump(); });
    attempt([&] { r1::parse_loss_row(row, 97); });
    attempt([&] { r1::cli::ids_field(row, "ids", 97); });
    attempt([&] { r1::cli::strings_field(row, "stop"); });
    attempt([&] { r1::cli::number_field(row, "temperature", 1.0, 0.0, 100.0); });
    attempt([&] { r1::cli::integer_field(row, "seed", 0); });
    attempt([&] { chat.render(nlohmann::ordered_json::parse(line).at("messages"), true, {}); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const r1::InputFile input(data, size);
    try {
        problems(input.path());
    } catch (const r1::Error&) {
    }
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    r1::for_each_line(text,
                      [](std::string_view line, size_t) { attempt([&] { request(std::string(line)); }); });
    return 0;
}
