#include "cli/run_rl.h"

#include <iostream>

#include "cli/embedded.h"
#include "cli/interrupt.h"
#include "core/files.h"
#include "data/mixture.h"
#include "data/rows.h"
#include "report/dashboard.h"
#include "report/html.h"
#include "report/tensorboard.h"
#include "rl/trainer.h"
#include "sandbox/launch.h"

namespace r1::cli {
namespace {

Summary make_summary(const RlConfig& config, const RlResult& result) {
    Summary summary;
    summary.accuracy_before = result.accuracy_before, summary.accuracy_after = result.accuracy_after;
    summary.length_before = result.length_before, summary.length_after = result.length_after;
    summary.problems = result.problems;
    summary.problem = result.problem, summary.gold = result.gold;
    summary.before = {result.before.text, result.before.correct, result.before.tokens};
    summary.after = {result.after.text, result.after.correct, result.after.tokens};
    summary.disclosure = base_disclosure(config.model);
    summary.seconds = result.seconds;
    if (!result.finished)
        summary.headline = cat("Stopped after step ", result.step, " of ", config.steps, ".");
    summary.next = result.finished ? cat("r1 chat --model ", result.model.string())
                                   : cat("r1 zero --resume ", result.folder.string());
    summary.report = result.folder / "report.html";
    if (result.finished) summary.model = result.model;
    return summary;
}

}  // namespace

int run_rl(const RlConfig& config, const std::string& command) {
    if (config.sandbox == "none") sandbox::set_isolation(sandbox::Isolation::none);
    Runtime runtime(config.threads, parse_device(config.device));
    Stream& stream = runtime.stream();
    const DType dtype = config.weight_dtype == "bfloat16" ? DType::bf16 : DType::f32;
    LanguageModel language_model = config.model.empty() ? load_embedded_base(stream, dtype)
                                                        : load_language_model(stream, config.model, dtype);

    RunInfo info;
    info.command = command;
    info.model = config.model.empty() ? "embedded base" : config.model;
    info.parameters = language_model.model->parameter_count();
    info.task = config.data.empty() ? config.task : mixture_text(config.data);
    info.device = config.device;
    info.threads = runtime.stream().pool->size();
    info.isa = name_of(stream.isa);
    info.steps = config.steps;
    info.folder = config.resume.empty() ? config.out : config.resume;

    Dashboard dashboard(std::cout, terminal_options(config.json));
    std::optional<TensorBoardWriter> events;
    RlCallbacks callbacks;
    callbacks.stop = &interrupt_flag();
    callbacks.status = [&](const std::string& text) { dashboard.status(text); };
    callbacks.note = [&](const std::string& text) { dashboard.note(text); };
    callbacks.started = [&](const fs::path& folder, int64_t step) {
        info.folder = folder;
        const auto history = read_json_rows(folder / "metrics.jsonl");
        dashboard.start(info, history);
        const auto now = static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                                 std::chrono::system_clock::now().time_since_epoch())
                                                 .count()) /
                         1000.0;
        const std::optional<int64_t> again =  // the first step whose earlier events no longer hold
            config.resume.empty() ? std::nullopt : std::optional<int64_t>(history.empty() ? 0 : step + 1);
        events.emplace(folder, now, "r1", again);
    };
    callbacks.metrics = [&](const nlohmann::ordered_json& metrics) {
        dashboard.step(nlohmann::json(metrics));
        const auto step = metrics["step"].get<int64_t>();
        for (const auto& [name, value] : metrics.items()) {
            if (name != "step" && value.is_number()) events->scalar(name, step, value.get<double>());
        }
        events->flush();
    };
    RlConfig copy = config;
    const RlResult result =
        train_rl(stream, config, to_toml(rl_options(copy)), std::move(language_model), callbacks);
    info.folder = result.folder;
    const Summary summary = make_summary(config, result);
    write_file(result.folder / "summary.json", summary_json(info, summary).dump(2) + "\n");
    write_report(result.folder);
    dashboard.finish(summary);
    return result.finished ? 0 : 130;
}

}  // namespace r1::cli
