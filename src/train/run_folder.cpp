#include "train/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/check.h"

namespace r1 {
namespace {

std::string to_line(const nlohmann::ordered_json& value) {
    return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// The N that ends a name like "step-N" or "eval-N.jsonl"; nothing with another name.
std::optional<int64_t> step_of(const fs::path& path) {
    const std::string stem = path.stem().string();
    const size_t dash = stem.rfind('-');
    if (dash == std::string::npos) return {};
    int64_t step = 0;
    const char* end = stem.data() + stem.size();
    const auto [stop, error] = std::from_chars(stem.data() + dash + 1, end, step);
    if (error != std::errc{} || stop != end) return {};
    return step;
}

// The step of a complete line of metrics.jsonl.
std::optional<int64_t> step_of_line(std::string_view line) {
    const auto value = nlohmann::json::parse(line, nullptr, false);
    if (!value.is_object() || !value.contains("step") || !value["step"].is_number_integer()) return {};
    return value["step"].get<int64_t>();
}

void remove_after(const fs::path& folder, int64_t step) {
    for (const auto& path : list_folder(folder)) {
        const auto own = step_of(path);
        if (path.extension() == ".tmp" || (own && *own > step)) remove_path(path);
    }
}

}  // namespace

struct RunFolder::Impl {
    fs::path path;
    int lock = -1;
    std::optional<LineWriter> metrics;  // opened when first written to

    ~Impl() {
        if (lock >= 0) ::close(lock);  // unlocks
    }
};

RunFolder::RunFolder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RunFolder::~RunFolder() = default;
RunFolder::RunFolder(RunFolder&&) noexcept = default;
RunFolder& RunFolder::operator=(RunFolder&&) noexcept = default;

std::unique_ptr<RunFolder::Impl> RunFolder::lock(const fs::path& path) {
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    const fs::path file = path / "lock";
    impl->lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(impl->lock >= 0, "cannot open ", file.string(), ": ", std::strerror(errno));
    if (::flock(impl->lock, LOCK_EX | LOCK_NB) != 0) {
        check(errno != EWOULDBLOCK, "another process is writing the run ", path.string(),
              "; wait until it has ended, or choose another folder");
        fail("cannot lock ", file.string(), ": ", std::strerror(errno));
    }
    return impl;
}

RunFolder RunFolder::create(const fs::path& path) {
    make_folder(path);
    auto impl = lock(path);
    for (const auto& entry : list_folder(path)) {  // but for what a creation that was interrupted has left
        check(entry.filename() == "lock" || entry.filename() == "config.toml.tmp",
              "there is a run or something else in ", path.string(),
              "; continue it with --resume, or choose another folder");
    }
    return RunFolder(std::move(impl));
}

RunFolder RunFolder::create_unique(const fs::path& parent, const std::string& name) {
    make_folder(parent);
    for (int number = 1;; ++number) {
        const fs::path path = parent / (number == 1 ? name : cat(name, "-", number));
        std::error_code error;
        if (fs::create_directory(path, error)) return create(path);
        check(!error || fs::exists(path), "cannot make the folder ", path.string(), ": ", error.message());
    }
}

RunFolder RunFolder::open(const fs::path& path) {
    std::error_code error;
    check(fs::is_regular_file(path / "config.toml", error), "there is no run to resume in ", path.string(),
          ": it has no config.toml");
    return RunFolder(lock(path));
}

const fs::path& RunFolder::path() const {
    return impl_->path;
}

fs::path RunFolder::checkpoints() const {
    return path() / "checkpoints";
}

fs::path RunFolder::model() const {
    return path() / "model";
}

void RunFolder::write_config(std::string_view toml) {
    write_file(path() / "config.toml", toml);
}

void RunFolder::append_metrics(const nlohmann::ordered_json& metrics) {
    const std::string line = to_line(metrics);
    check(step_of_line(line).has_value(), "metrics need an integer step: ", line);
    if (!impl_->metrics) impl_->metrics.emplace(path() / "metrics.jsonl");
    impl_->metrics->append(line);
}

void RunFolder::write_samples(const std::string& kind, int64_t step,
                              std::span<const nlohmann::ordered_json> rows) {
    make_folder(path() / "samples");
    write_file(path() / "samples" / cat(kind, "-", step, ".jsonl"), [&](FileWriter& file) {
        for (const auto& row : rows) {
            const std::string line = to_line(row) + "\n";
            file.write(line.data(), line.size());
        }
    });
}

void RunFolder::write_summary(const nlohmann::ordered_json& summary) {
    write_file(path() / "summary.json",
               summary.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void RunFolder::sync() {
    if (impl_->metrics) impl_->metrics->sync();
    sync_folder(path());
}

void RunFolder::rewind(int64_t step) {
    impl_->metrics.reset();
    const fs::path metrics = path() / "metrics.jsonl";
    std::error_code error;
    if (fs::exists(metrics, error)) {
        const std::string text = read_file(metrics);
        std::string kept;
        for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
            const std::string_view line = std::string_view(text).substr(begin, end + 1 - begin);
            const auto own = step_of_line(line);
            if (own && *own <= step) kept += line;
        }
        if (kept != text) write_file(metrics, kept);
    }
    remove_after(path() / "samples", step);
    remove_after(checkpoints(), step);
    for (const char* name :
         {"model", "model.tmp", "adapters", "adapters.tmp", "summary.json", "report.html"}) {
        remove_path(path() / name);
    }
}

}  // namespace r1
