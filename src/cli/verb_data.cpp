#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/verbs.h"
#include "core/files.h"
#include "data/decontaminate.h"
#include "data/load.h"
#include "data/prompt.h"
#include "data/readers.h"
#include "data/repairs.h"
#include "data/rows.h"
#include "sandbox/launch.h"
#include "text/unicode.h"

namespace r1::cli {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

struct Config {
    std::string action, out, model, prompt_template, system_prompt;
    std::vector<std::string> files, against;
    int ngram = 10, bad = 20, variants = 1;
    uint64_t seed = 0;
    float share = 0.0f;
};

std::vector<Option> options(Config& c) {
    return {{.name = "action",
             .target = &c.action,
             .help = "What to do",
             .choices = {"inspect", "decontaminate", "convert", "mutate"},
             .value = "ACTION",
             .positional = true,
             .required = true},
            {.name = "files",
             .target = &c.files,
             .help = "Data files: JSONL, JSON or Parquet; gzip and zstd too",
             .value = "FILE",
             .positional = true,
             .required = true},
            {.name = "against",
             .target = &c.against,
             .help = "decontaminate: the evaluation sets, which must not be trained on",
             .value = "FILE"},
            {.name = "ngram",
             .target = &c.ngram,
             .help = "decontaminate: as many words in a row are a match",
             .range = {1, 100}},
            {.name = "share",
             .target = &c.share,
             .help = "decontaminate: only where that share of the evaluation row's n-grams is found",
             .range = {0, 1}},
            {.name = "out",
             .target = &c.out,
             .help = "decontaminate, convert, mutate: the JSONL file to write",
             .value = "FILE"},
            {.name = "variants",
             .target = &c.variants,
             .help = "mutate: at most so many problems from one program",
             .range = {1, 1000}},
            {.name = "seed", .target = &c.seed, .help = "mutate: draws the changes"},
            {.name = "model",
             .target = &c.model,
             .help = "inspect: show prompts in this model's chat template, and count tokens",
             .value = "DIR_OR_FILE"},
            {.name = "prompt_template",
             .target = &c.prompt_template,
             .help = "inspect: as data.prompt_template of r1 zero"},
            {.name = "system_prompt",
             .target = &c.system_prompt,
             .help = "inspect: as data.system_prompt of r1 zero"},
            {.name = "bad", .target = &c.bad, .help = "Rows that cannot be used to name", .range = {0, 1e9}}};
}

std::string dumped(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// At most `most` characters, and how many more there are.
std::string shortened(const std::string& text, size_t most) {
    const std::string valid = to_valid_utf8(text);
    size_t at = 0, count = 0;
    while (at < valid.size() && count < most) next_code_point(valid, at), ++count;
    const size_t rest = count_code_points(std::string_view(valid).substr(at));
    return valid.substr(0, at) + (rest ? cat(" … (", rest, " more characters)") : "");
}

std::string indented(const std::string& text) {
    std::string out = "    ";
    for (const char c : text) out += c == '\n' ? "\n    " : std::string(1, c);
    return out;
}

std::string counted(const std::map<std::string, size_t>& counts) {
    std::string text;
    for (const auto& [name, count] : counts)
        text += cat(text.empty() ? "" : ", ", name.empty() ? "none" : name, " ", count);
    return text;
}

struct Lengths {
    size_t least = SIZE_MAX, most = 0, sum = 0, count = 0;
    void add(size_t length) {
        least = std::min(least, length), most = std::max(most, length);
        sum += length, ++count;
    }
    std::string text() const { return cat(least, " to ", most, ", mean ", sum / std::max<size_t>(count, 1)); }
};

void print_bad(const LoadedData& data) {
    if (data.skipped == 0) return;
    print(cat("  bad rows   ", data.skipped, "\n"));
    for (const auto& problem : data.problems) print(cat("    ", shortened(problem, 300), "\n"));
    if (data.skipped > data.problems.size())
        print(cat("    … and ", data.skipped - data.problems.size(), " more (--bad N)\n"));
}

void inspect(const Config& c, const std::string& file, const PromptRenderer* prompts) {
    LoadedData data = load_examples(file, false, static_cast<size_t>(c.bad));
    std::map<std::string, size_t> formats, kinds, sources;
    Lengths characters, tokens, golds;
    size_t ungraded = 0, example = data.examples.size();
    for (size_t i = 0; i < data.examples.size(); ++i) {
        const Example& at = data.examples[i];
        ++formats[at.format], ++kinds[at.kind];
        if (!at.source.empty()) ++sources[at.source];
        characters.add(count_code_points(to_valid_utf8(at.prompt())));
        golds.add(at.gold.is_string() ? at.gold.get_ref<const std::string&>().size()
                                      : dumped(at.gold).size());
        if (prompts) tokens.add(prompts->ids(prompts->text(at)).size());
        try {
            check_gold(at);
            example = std::min(example, i);
        } catch (const Error& error) {
            ++ungraded;
            if (can_be_graded(at.kind)) {
                ++data.skipped;
                if (data.problems.size() < static_cast<size_t>(c.bad))
                    data.problems.push_back(cat(data.where[i], ": ", error.what()));
            }
        }
    }
    print(cat(file, ": ", data.file_kind, "\n"));
    print(cat("  rows       ", data.examples.size(), "\n  formats    ", counted(formats), "\n"));
    print(cat("  kinds      ", counted(kinds), "\n"));
    if (!sources.empty() && sources.size() <= 20) print(cat("  sources    ", counted(sources), "\n"));
    if (ungraded > 0)
        print(cat("  to train   ", data.examples.size() - ungraded,
                  " of them have a gold that a verifier reads\n"));
    print(cat("  prompts    ", characters.text(), " characters\n"));
    if (prompts) print(cat("             ", tokens.text(), " tokens\n"));
    print(cat("  golds      ", golds.text(), " bytes\n"));
    print_bad(data);
    const size_t shown = example < data.examples.size() ? example : 0;
    const Example& one = data.examples[shown];
    print(cat("  example    ", data.where[shown], one.id.empty() ? "" : cat(", id ", one.id), "\n"));
    print(indented(shortened(prompts ? prompts->text(one) : one.prompt(), 1500)) + "\n");
    print(cat("  its gold   ", shortened(dumped(one.gold), 300), "\n"));
}

int run_inspect(const Config& c) {
    std::optional<Tokenizer> tokenizer;
    std::optional<PromptRenderer> prompts;
    if (!c.model.empty()) {
        tokenizer = Tokenizer::load(c.model);
        prompts.emplace(*tokenizer, c.prompt_template, c.system_prompt);
    }
    for (const auto& file : c.files) inspect(c, file, prompts ? &*prompts : nullptr);
    return 0;
}

struct Found {
    std::string row, evaluation, text;
    size_t shared = 0, of = 0;
};

void write_report(const Config& c, const std::vector<Found>& found, size_t rows) {
    std::string lines;
    std::map<std::string, size_t> by_file;
    for (const Found& one : found) {
        const ordered_json line = {{"row", one.row},
                                   {"evaluation", one.evaluation},
                                   {"shared", one.shared},
                                   {"of", one.of},
                                   {"text", one.text}};
        lines += line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
        ++by_file[one.evaluation.substr(0, one.evaluation.rfind(':'))];
    }
    write_file(c.out + ".report.jsonl", lines);
    std::string text = cat("# Decontamination\n\n", found.size(), " of ", rows, " rows share ", c.ngram,
                           " words in a row with an evaluation set and were left out of ", c.out, ".\n\n");
    text += "| evaluation set | rows |\n| --- | --- |\n";
    for (const auto& [file, count] : by_file) text += cat("| ", file, " | ", count, " |\n");
    text += "\n| row | evaluation row | n-grams | shared text |\n| --- | --- | --- | --- |\n";
    for (const Found& one : found)
        text += cat("| ", one.row, " | ", one.evaluation, " | ", one.shared, " of ", one.of, " | ",
                    shortened(one.text, 120), " |\n");
    write_file(c.out + ".report.md", text);
}

// Writes to c.out what `line_of` makes of each row of the files. Rows that cannot be read are left out, the
// first c.bad of them are told; returns how many they are.
size_t write_rows(const Config& c, const std::function<std::string(Row&)>& line_of) {
    size_t bad = 0;
    const auto count_bad = [&](const std::string& problem) {
        if (bad++ < static_cast<size_t>(c.bad)) print(cat("left out: ", shortened(problem, 300), "\n"));
    };
    write_file(c.out, [&](FileWriter& out) {
        const auto visit = [&](Row& row) {
            const std::string line = line_of(row);
            out.write(line.data(), line.size());
        };
        for (const auto& file : c.files) for_each_row(file, visit, count_bad);
    });
    return bad;
}

int run_decontaminate(const Config& c) {
    check(!c.against.empty(), "data decontaminate needs --against FILE, the evaluation sets");
    check(!c.out.empty(), "data decontaminate needs --out FILE");
    NgramIndex index(c.ngram);
    std::vector<std::string> evaluations;
    for (const auto& file : c.against) {
        const LoadedData data = load_examples(file, false);
        for (const Example& example : data.examples) index.add(compared_text(example));
        evaluations.insert(evaluations.end(), data.where.begin(), data.where.end());
    }
    index.finish();
    std::vector<Found> found;
    size_t rows = 0;
    const size_t bad = write_rows(c, [&](Row& row) -> std::string {
        const Example example = parse_example(row.value);
        ++rows;
        const auto match = index.match(compared_text(example));
        if (match && static_cast<double>(match->shared) >=
                         static_cast<double>(c.share) * static_cast<double>(match->of)) {
            found.push_back({row.where, evaluations[match->id], match->text, match->shared, match->of});
            return "";
        }
        std::string line = row.json() + "\n";
        std::replace(line.begin(), line.end() - 1, '\n', ' ');  // of a row of a JSON array
        return line;
    });
    write_report(c, found, rows);
    print(cat(found.size(), " of ", rows, " rows share ", c.ngram, " words in a row with one of ",
              evaluations.size(), " evaluation rows\n"));
    for (size_t i = 0; i < std::min<size_t>(found.size(), 10); ++i)
        print(cat("  ", found[i].row, "  ", found[i].evaluation, "  ", found[i].shared, " of ", found[i].of,
                  ": ", shortened(found[i].text, 100), "\n"));
    if (bad > 0) print(cat(bad, " rows could not be read and were left out\n"));
    print(
        cat("Wrote ", c.out, " (", rows - found.size(), " rows), ", c.out, ".report.jsonl and .report.md\n"));
    return 0;
}

// A row of format r1.
std::string own_row(const Example& example) {
    ordered_json line;
    if (!example.id.empty()) line["id"] = example.id;
    if (!example.source.empty()) line["source"] = example.source;
    line[example.messages.is_array() ? "messages" : "question"] =
        example.messages.is_array() ? example.messages : json(example.question);
    if (!example.instruction.empty()) line["instruction"] = example.instruction;
    line["kind"] = example.kind;
    line["gold"] = example.gold;
    return line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

int run_convert(const Config& c) {
    check(!c.out.empty(), "data convert needs --out FILE");
    size_t rows = 0;
    const size_t bad = write_rows(c, [&](Row& row) {
        ++rows;
        return own_row(parse_example(row.value));
    });
    if (bad > 0) print(cat(bad, " rows could not be read and were left out\n"));
    print(cat("Wrote ", c.out, " (", rows, " rows)\n"));
    return 0;
}

struct Mutation {
    Example example;
    std::string program, where;
    std::vector<Example> repairs;
    std::string problem;  // why there are none
};

void mutate(Mutation& one, const Config& c) {
    try {
        one.repairs = repairs_of(one.example, one.program, static_cast<size_t>(c.variants), c.seed);
        if (one.repairs.empty()) one.problem = "no change that was tried is noticed by a test";
    } catch (const Error& error) {
        one.problem = error.what();
    }
}

int run_mutate(const Config& c) {
    check(!c.out.empty(), "data mutate needs --out FILE");
    sandbox::require_sandbox();
    std::vector<Mutation> all;
    std::vector<std::string> problems;
    const auto visit = [&](Row& row) {
        all.push_back({parse_example(row.value), working_program(row.value), row.where, {}, ""});
    };
    for (const auto& file : c.files)
        for_each_row(file, visit, [&](const std::string& problem) { problems.push_back(problem); });
    {
        std::atomic<size_t> next{0}, done{0};
        std::vector<std::jthread> workers;
        const size_t most = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 8);
        for (size_t i = 0; i < std::min(most, all.size()); ++i)
            workers.emplace_back([&] {
                for (size_t at = next++; at < all.size(); at = next++) mutate(all[at], c), ++done;
            });
        const bool shown = ::isatty(STDERR_FILENO) == 1;
        for (; shown && done < all.size(); std::this_thread::sleep_for(std::chrono::milliseconds(200)))
            std::fprintf(stderr, "\r%zu of %zu programs", done.load(), all.size());
        if (shown) std::fputs("\r\033[K", stderr);
    }
    std::map<std::string, size_t> kinds;
    std::string lines;
    size_t rows = 0, programs = 0;
    for (const Mutation& one : all) {
        if (!one.problem.empty()) problems.push_back(cat(one.where, ": ", one.problem));
        for (const Example& repair : one.repairs) {
            lines += own_row(repair);
            ++kinds[repair.gold["mutation"]["kind"].get<std::string>()];
        }
        rows += one.repairs.size();
        programs += !one.repairs.empty();
    }
    write_file(c.out, lines);
    for (size_t i = 0; i < std::min(problems.size(), static_cast<size_t>(c.bad)); ++i)
        print(cat("left out: ", shortened(problems[i], 300), "\n"));
    print(cat("Wrote ", c.out, " (", rows, " repairs of ", programs, " programs; ", problems.size(),
              " rows left out)\n"));
    if (rows > 0) print(cat("  changes    ", counted(kinds), "\n"));
    return 0;
}

int run(const Config& c) {
    if (c.action == "inspect") return run_inspect(c);
    if (c.action == "mutate") return run_mutate(c);
    return c.action == "convert" ? run_convert(c) : run_decontaminate(c);
}

std::string details() {
    std::string text =
        "r1 data inspect FILE… tells what a file holds as r1 zero would read it: format, kinds of problems, "
        "lengths, the rows that cannot be used with their lines, and one prompt.\n"
        "r1 data decontaminate TRAIN… --against EVAL… --out FILE leaves out the rows that share n words in a "
        "row "
        "with an evaluation set; FILE.report.jsonl and FILE.report.md say which and with what.\n"
        "r1 data convert FILE… --out FILE writes any format as rows of \"question\", \"kind\" and \"gold\".\n"
        "r1 data mutate FILE… --out FILE makes problems of repair from rows with tests and a working Python "
        "program: one place is changed so that a test fails.\n"
        "The formats, told apart by their keys:";
    for (const RowFormat& format : row_formats()) text += cat("\n  ", format.name, ": ", format.keys);
    return text;
}

}  // namespace

Verb data_verb() {
    return make_verb<Config>("data", "Look at data files, clean and convert them", details(), options, run);
}

}  // namespace r1::cli
