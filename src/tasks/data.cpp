#include "tasks/data.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>

#include "core/check.h"
#include "core/files.h"
#include "formats/json.h"
#include "tasks/number.h"
#include "tasks/task.h"

namespace r1 {
namespace {

using nlohmann::json;

std::string as_text(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    check(value.is_number(), "the gold is neither text nor a number");
    return value.dump();
}

// The inside of the last \boxed{…}, braces balanced.
std::string last_boxed(const std::string& text) {
    const size_t at = text.rfind("\\boxed{");
    check(at != std::string::npos, "the solution holds no \\boxed{}");
    int depth = 1;
    for (size_t i = at + 7; i < text.size(); ++i) {
        depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
        if (depth == 0) return text.substr(at + 7, i - at - 7);
    }
    fail("the braces of \\boxed{} do not close");
}

// Text or a number whose value is one number; GSM8K's working before #### is dropped.
json number_gold(const json& value) {
    std::string text = as_text(value);
    if (const size_t marks = text.rfind("####"); marks != std::string::npos) text.erase(0, marks + 4);
    const size_t first = text.find_first_not_of(" \t\r\n"), last = text.find_last_not_of(" \t\r\n");
    check(first != std::string::npos, "the gold is empty");
    text = text.substr(first, last - first + 1);
    check(parse_number(text).has_value(), "the gold \"", text.substr(0, 60),
          "\" is not one number, which is all that can be checked");
    return text;
}

void set_messages(Example& example, const json& messages) {
    check(messages.is_array() && !messages.empty(), "the messages are not a list");
    for (const json& message : messages)
        check(message.is_object() && message.contains("role") && message["role"].is_string() &&
                  message.contains("content") && message["content"].is_string(),
              "a message needs the strings role and content");
    example.messages = messages;
}

void set_question(Example& example, const json& question) {
    check(question.is_string(), "the question is not text");
    set_messages(example, json::array({{{"role", "user"}, {"content", question}}}));
}

void set_prompt(Example& example, const json& prompt) {
    if (prompt.is_string()) {
        check(!prompt.get_ref<const std::string&>().empty(), "the prompt is empty");
        example.prompt = prompt.get<std::string>();
    } else {
        set_messages(example, prompt);
    }
}

void set_task(Example& example, const std::string& family, json gold) {
    if (gold.is_object() && gold.contains("nums") && !gold.contains("numbers"))
        gold["numbers"] = gold["nums"];
    find_family(family).check(gold, "");  // throws on a gold that is not of this family
    example.kind = family;
    example.gold = std::move(gold);
}

// The gold of a prompt: a countdown object or a number.
void set_gold(Example& example, const json& value) {
    if (value.is_object() && value.contains("target")) return set_task(example, "countdown", value);
    example.kind = "number";
    example.gold = number_gold(value);
}

std::string countdown_question(const json& numbers, const json& target) {
    std::string list;
    for (const json& number : numbers) list += (list.empty() ? "" : ", ") + number.dump();
    return "Use the numbers " + list + " and the operations + - * / with brackets to make " + target.dump() +
           ". Use each number exactly once. Think first, inside <think> </think>; then give one expression "
           "inside "
           "<answer> </answer>, for example <answer> (1 + 2) * 3 </answer>.";
}

std::string inflate_all(std::string_view bytes, size_t most_bytes) {
    z_stream stream{};
    check(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK, "zlib does not start");
    const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
    std::string out;
    std::array<char, 1 << 16> block{};
    size_t taken = 0;
    for (int state = Z_OK;;) {
        if (stream.avail_in == 0 && taken < bytes.size()) {
            const size_t piece = std::min<size_t>(bytes.size() - taken, 1 << 30);
            stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + taken));
            stream.avail_in = static_cast<uInt>(piece);
            taken += piece;
        }
        if (state == Z_STREAM_END) {  // another member may follow
            if (stream.avail_in == 0) return out;
            check(inflateReset(&stream) == Z_OK, "zlib does not start again");
        }
        stream.next_out = reinterpret_cast<Bytef*>(block.data());
        stream.avail_out = static_cast<uInt>(block.size());
        state = inflate(&stream, Z_NO_FLUSH);
        check(state == Z_OK || state == Z_STREAM_END,
              "it is not whole gzip: ", stream.msg ? stream.msg : "it ends too soon");
        out.append(block.data(), block.size() - stream.avail_out);
        check(out.size() <= most_bytes, "it unpacks to more than ", most_bytes, " bytes");
    }
}

}  // namespace

Example parse_example(const json& row) {
    check(row.is_object(), "the line is not an object");
    const auto has = [&](const char* key) { return row.contains(key) && !row[key].is_null(); };
    Example example;
    const char* numbers = has("nums") ? "nums" : "numbers";
    if (has("family") && has("gold") && has("prompt")) {
        check(row["family"].is_string(), "family is not text");
        set_prompt(example, row["prompt"]);
        set_task(example, row["family"].get<std::string>(), row["gold"]);
    } else if (has(numbers) && has("target")) {
        set_task(example, "countdown", {{"numbers", row[numbers]}, {"target", row["target"]}});
        if (has("prompt")) {
            set_prompt(example, row["prompt"]);
        } else {
            set_question(example, countdown_question(row[numbers], row["target"]));
        }
    } else if (has("prompt") && has("reward_model")) {
        const json& reward = row["reward_model"];
        check(reward.is_object() && reward.contains("ground_truth"), "reward_model has no ground_truth");
        set_prompt(example, row["prompt"]);
        set_gold(example, reward["ground_truth"]);
    } else if (has("prompt")) {
        set_prompt(example, row["prompt"]);
        for (const char* key : {"label", "answer", "ground_truth", "gold", "solution", "target"}) {
            if (!has(key)) continue;
            set_gold(example, row[key]);
            return example;
        }
        fail("there is no gold beside the prompt (label, answer, ground_truth, gold, solution or target)");
    } else if (has("question") && (has("answer") || has("golden"))) {
        set_question(example, row["question"]);
        set_gold(example, has("answer") ? row["answer"] : row["golden"]);
    } else if (has("problem") && (has("answer") || has("solution"))) {
        set_question(example, row["problem"]);
        set_gold(example, has("answer") ? row["answer"] : json(last_boxed(as_text(row["solution"]))));
    } else {
        fail(
            "its keys are of no known shape (question and answer, prompt and label, problem and solution, "
            "nums and target)");
    }
    return example;
}

void for_each_line(std::string_view text, const std::function<void(std::string_view, size_t)>& visit) {
    for (size_t begin = 0, number = 1; begin < text.size(); ++number) {
        const size_t end = std::min(text.find('\n', begin), text.size());
        visit(text.substr(begin, end - begin), number);
        begin = end + 1;
    }
}

std::vector<json> read_json_rows(const std::filesystem::path& path) {
    std::vector<json> rows;
    if (!fs::exists(path)) return rows;
    for_each_line(read_file(path), [&](std::string_view line, size_t) {
        json row = json::parse(line, nullptr, false);
        if (row.is_object()) rows.push_back(std::move(row));
    });
    return rows;
}

std::string read_text_file(const std::filesystem::path& path, size_t most_bytes) {
    std::string bytes = read_file(path);
    if (!bytes.starts_with("\x1f\x8b")) return bytes;
    try {
        return inflate_all(bytes, most_bytes);
    } catch (const Error& error) {
        fail(path.string(), ": cannot be unpacked: ", error.what());
    }
}

LoadedData load_examples(const std::filesystem::path& path) {
    constexpr size_t shown = 20;
    LoadedData data;
    const std::string text = read_text_file(path);
    for_each_line(text, [&](std::string_view line, size_t number) {
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
        std::string problem;
        try {
            data.examples.push_back(parse_example(parse_json(line, "the line")));
            return;
        } catch (const Error& error) {
            problem = error.what();
        }
        ++data.skipped;
        if (data.problems.size() < shown)
            data.problems.push_back(cat(path.string(), ":", number, ": ", problem));
    });
    check(!data.examples.empty(), path.string(), ": no line can be used",
          data.problems.empty() ? "; the file is empty" : "; the first: " + data.problems.front());
    return data;
}

}  // namespace r1
