#include "report/run_data.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/check.h"
#include "report/terminal_text.h"

namespace r1 {
namespace {

using nlohmann::json;

constexpr size_t max_points = 1500;  // of a curve
constexpr size_t max_series = 200;
constexpr size_t max_sample_steps = 16;
constexpr size_t max_samples = 400;
constexpr size_t sample_bytes = 3'500'000;  // of the page
constexpr size_t evaluation_bytes = 800'000;
constexpr size_t max_tokens = 4096;       // shown of one completion
constexpr size_t max_text = 20'000;       // bytes shown of one text
constexpr size_t max_file = 256'000'000;  // a larger file is not one that a run wrote

// A JSON value nested no deeper than the run's own files are; something discarded for any other text.
json parse(std::string_view text) {
    bool too_deep = false;
    const auto shallow = [&](int depth, json::parse_event_t, json&) {
        too_deep = too_deep || depth > 4;
        return !too_deep;
    };
    json value = json::parse(text, shallow, false);
    return too_deep ? json(json::value_t::discarded) : value;
}

// Calls `use` with each object of a JSONL file, until it returns false; returns how many lines were something
// else.
int read_lines(const fs::path& path, const std::function<bool(const json&)>& use) {
    int unread = 0;
    const MappedFile file(path);
    check(file.text().size() <= max_file, path.string(), " is too large for a report: ", file.text().size(),
          " bytes");
    std::string_view text = file.text();
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        const json value = parse(line);
        if (!value.is_object()) {
            ++unread;
        } else if (!use(value)) {
            break;
        }
    }
    return unread;
}

std::optional<double> number(const json& object, const char* key) {
    const auto it = object.find(key);
    if (it == object.end() || !it->is_number()) return {};
    const double value = it->get<double>();
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// Six significant digits are enough to look at. (JSON has no NaN or infinity: they were null in the file.)
json rounded(const json& value, const char* format = "%.6g") {
    if (!value.is_number()) return nullptr;
    const double exact = value.get<double>();
    if (exact == std::floor(exact) && std::fabs(exact) < 1e15) return static_cast<int64_t>(exact);
    char text[40];
    std::snprintf(text, sizeof text, format, exact);
    return std::strtod(text, nullptr);
}

std::string short_text(const json& row, const char* key) {
    const auto it = row.find(key);
    if (it == row.end() || it->is_null()) return "";
    const std::string text =
        it->is_string() ? it->get<std::string>() : it->dump(-1, ' ', false, json::error_handler_t::replace);
    return text.size() <= max_text ? text : text.substr(0, max_text) + "…";
}

json read_series(const fs::path& path, int& unread) {
    std::map<std::string, json> series;
    unread += read_lines(path, [&](const json& line) {
        const auto step = number(line, "step");
        if (!step) return true;
        for (const auto& [key, value] : line.items()) {
            if (key == "step" || !(value.is_number() || value.is_null())) continue;
            if (!series.contains(key) && series.size() >= max_series) continue;
            auto& points = series.try_emplace(key, json::array()).first->second;
            points.push_back({rounded(*step), rounded(value)});
        }
        return true;
    });
    for (auto& [key, points] : series) {
        const size_t count = points.size();
        if (count <= max_points) continue;
        json fewer = json::array();
        for (size_t i = 0; i < max_points; ++i) fewer.push_back(points[i * (count - 1) / (max_points - 1)]);
        points = std::move(fewer);
    }
    return series;
}

// samples/PREFIX-N.jsonl by N.
std::map<int64_t, fs::path> numbered_files(const fs::path& folder, std::string_view prefix) {
    std::map<int64_t, fs::path> files;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename().string();
        const std::string_view suffix = ".jsonl";
        if (name.size() <= prefix.size() + suffix.size() || !name.starts_with(prefix) ||
            !name.ends_with(suffix))
            continue;
        const std::string digits = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
        if (digits.size() > 15 || digits.find_first_not_of("0123456789") != std::string::npos) continue;
        files[std::stoll(digits)] = it->path();
    }
    return files;
}

std::vector<std::pair<int64_t, fs::path>> evenly(const std::map<int64_t, fs::path>& files, size_t most) {
    std::vector<std::pair<int64_t, fs::path>> all(files.begin(), files.end()), chosen;
    if (all.size() <= most) return all;
    for (size_t i = 0; i < most; ++i) chosen.push_back(all[i * (all.size() - 1) / (most - 1)]);
    return chosen;
}

json sample_row(const json& row) {
    json out = {{"step", rounded(row.value("step", json()))},
                {"prompt_index", rounded(row.value("prompt_index", json()))},
                {"sample", rounded(row.value("sample", json()))},
                {"prompt", short_text(row, "prompt")},
                {"advantage", rounded(row.value("advantage", json()), "%.4g")},
                {"reward", rounded(row.value("reward", json()), "%.4g")},
                {"outcome", short_text(row, "outcome")},
                {"finish_reason", short_text(row, "finish_reason")}};
    const json rewards = row.value("rewards", json());
    if (rewards.is_object()) {
        for (const auto& [name, score] : rewards.items()) out["rewards"][name] = rounded(score, "%.4g");
    }
    const json tokens = row.value("tokens", json()), logprobs = row.value("logprobs", json()),
               ids = row.value("ids", json());
    if (!tokens.is_array() || tokens.empty()) {
        out["completion"] = short_text(row, "completion");
        return out;
    }
    const size_t count = std::min(tokens.size(), max_tokens);
    out["length"] = tokens.size();
    json& texts = out["tokens"] = json::array();
    for (size_t i = 0; i < count; ++i) texts.push_back(tokens[i].is_string() ? tokens[i] : json("\uFFFD"));
    const auto column = [&](const json& values, const char* key, const char* format) {
        if (!values.is_array() || values.size() != tokens.size()) return;
        json& cells = out[key] = json::array();
        for (size_t i = 0; i < count; ++i) cells.push_back(rounded(values[i], format));
    };
    column(logprobs, "logprobs", "%.3g");
    column(ids, "ids", "%.17g");
    return out;
}

size_t size_in_page(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace).size();
}

json read_samples(const fs::path& folder, int& unread) {
    json samples = json::array();
    const auto files = evenly(numbered_files(folder, "step-"), max_sample_steps);
    for (const auto& [step, path] : files) {
        size_t rows = max_samples / files.size(), bytes = sample_bytes / files.size();
        unread += read_lines(path, [&](const json& line) {
            json row = sample_row(line);
            row["step"] = step;
            const size_t size = size_in_page(row);
            if (rows == 0 || size > bytes) return false;
            --rows;
            bytes -= size;
            samples.push_back(std::move(row));
            return true;
        });
    }
    return samples;
}

// The first answer to each problem in an evaluation file.
std::map<std::string, json> read_answers(const fs::path& path, int& unread) {
    std::map<std::string, json> answers;
    unread += read_lines(path, [&](const json& line) {
        const std::string problem = short_text(line, "problem");
        answers.try_emplace(problem, json{{"prompt", short_text(line, "prompt")},
                                          {"gold", short_text(line, "gold")},
                                          {"completion", short_text(line, "completion")},
                                          {"score", rounded(line.value("score", json()), "%.4g")},
                                          {"outcome", short_text(line, "outcome")}});
        return true;
    });
    return answers;
}

// The problems of both the first and the last evaluation, with the answers then and now.
json read_evaluations(const fs::path& folder, int& unread) {
    const auto files = numbered_files(folder, "eval-");
    if (files.size() < 2) return nullptr;
    const auto before = read_answers(files.begin()->second, unread);
    const auto after = read_answers(files.rbegin()->second, unread);
    json problems = json::array();
    size_t bytes = evaluation_bytes;
    for (const auto& [problem, then] : before) {
        const auto now = after.find(problem);
        if (now == after.end()) continue;
        const auto answer = [](const json& row) {
            return json{
                {"completion", row["completion"]}, {"score", row["score"]}, {"outcome", row["outcome"]}};
        };
        json both = {{"problem", problem},
                     {"prompt", then["prompt"]},
                     {"gold", then["gold"]},
                     {"before", answer(then)},
                     {"after", answer(now->second)}};
        const size_t size = size_in_page(both);
        if (size > bytes) break;
        bytes -= size;
        problems.push_back(std::move(both));
    }
    return {
        {"first", files.begin()->first}, {"last", files.rbegin()->first}, {"problems", std::move(problems)}};
}

}  // namespace

json read_run(const fs::path& run_folder) {
    const fs::path metrics = run_folder / "metrics.jsonl";
    check(fs::is_regular_file(metrics), "no report of ", run_folder.string(),
          ": it has no metrics.jsonl; give the folder of a run");
    int unread = 0;
    const fs::path named =
        fs::absolute(run_folder / ".").lexically_normal().parent_path();  // also of "runs/x/"
    json run = {{"title", printable(named.filename().string())}};
    run["series"] = read_series(metrics, unread);
    run["samples"] = read_samples(run_folder / "samples", unread);
    run["evaluations"] = read_evaluations(run_folder / "samples", unread);
    if (const fs::path config = run_folder / "config.toml"; fs::is_regular_file(config)) {
        run["config"] = read_file(config).substr(0, 10 * max_text);
    }
    if (const fs::path path = run_folder / "summary.json"; fs::is_regular_file(path)) {
        json summary;
        if (const std::string text = read_file(path); text.size() <= 10 * max_text) summary = parse(text);
        if (!summary.is_object()) ++unread;
        run["summary"] = summary.is_object() ? std::move(summary) : json();
    }
    run["unread"] = unread;
    return run;
}

}  // namespace r1
