// The folder of a training run, which one process at a time writes:
//   config.toml              the resolved configuration
//   metrics.jsonl            one line a step
//   samples/step-N.jsonl     what was sampled at step N, complete or absent; eval-N.jsonl likewise
//   checkpoints/step-N/      see train/checkpoint.h
//   model/, adapters/, summary.json, report.html     the result
// A run that resumes first rewinds its folder to the checkpoint, so that in the end the files are those of a
// run that was never interrupted.
#pragma once
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "core/files.h"

namespace r1 {

class RunFolder {
  public:
    // A new run. The folder may exist but must be empty; throws if there is a run in it.
    static RunFolder create(const fs::path& path);
    // The same, as parent/name or else parent/name-2, parent/name-3, …
    static RunFolder create_unique(const fs::path& parent, const std::string& name);
    // A run that is there, to resume it. Throws if there is none, or if another process is writing it.
    static RunFolder open(const fs::path& path);
    ~RunFolder();
    RunFolder(RunFolder&&) noexcept;
    RunFolder& operator=(RunFolder&&) noexcept;

    const fs::path& path() const;
    fs::path checkpoints() const;  // the folder of checkpoints
    fs::path model() const;        // where the result goes: save_language_model() makes it

    void write_config(std::string_view toml);
    // Appends a line; `metrics` is an object with an integer "step". NaN and infinity become null.
    void append_metrics(const nlohmann::ordered_json& metrics);
    // samples/KIND-STEP.jsonl, KIND "step" or "eval". Invalid UTF-8 is replaced.
    void write_samples(const std::string& kind, int64_t step, std::span<const nlohmann::ordered_json> rows);
    void write_summary(const nlohmann::ordered_json& summary);

    // Makes what was appended so far outlast a crash of the machine. Call it before the checkpoint of a step
    // is saved, whose lines and samples are then all there.
    void sync();
    // Back to the end of `step`: removes what came later (metrics and half a last line, samples, checkpoints,
    // the result). Step −1 is before the beginning: all but config.toml goes.
    void rewind(int64_t step);

  private:
    struct Impl;
    explicit RunFolder(std::unique_ptr<Impl> impl);
    static std::unique_ptr<Impl> lock(const fs::path& path);
    std::unique_ptr<Impl> impl_;
};

}  // namespace r1
