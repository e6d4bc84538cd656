#include "train/run_folder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "formats/temp_folder.h"

namespace r1 {
namespace {

using nlohmann::ordered_json;

// What the steps [first, last] of a run write.
void write_steps(RunFolder& run, int64_t first, int64_t last) {
    for (int64_t step = first; step <= last; ++step) {
        run.append_metrics({{"step", step}, {"reward", 0.5 * static_cast<double>(step)}, {"kl", NAN}});
        run.write_samples("step", step, std::vector<ordered_json>{{{"step", step}}, {{"ids", {1, 2}}}});
        if (step % 2 == 0) run.write_samples("eval", step, std::vector<ordered_json>{{{"score", step}}});
    }
}

// Every file of a folder but the lock, by its path.
std::map<std::string, std::string> files_of(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) files[entry.path().lexically_relative(folder)] = read_file(entry.path());
    }
    return files;
}

TEST(RunFolder, FilesOfARun) {
    TempFolder temporary;
    RunFolder run = RunFolder::create(temporary / "runs/a");
    run.write_config("seed = 1\n");
    write_steps(run, 1, 2);
    run.sync();
    run.write_summary({{"accuracy", 0.5}});
    EXPECT_EQ(run.path(), temporary / "runs/a");
    EXPECT_EQ(run.checkpoints(), temporary / "runs/a/checkpoints");
    EXPECT_EQ(run.model(), temporary / "runs/a/model");
    const std::map<std::string, std::string> want{
        {"lock", ""},
        {"config.toml", "seed = 1\n"},
        {"metrics.jsonl",
         "{\"step\":1,\"reward\":0.5,\"kl\":null}\n{\"step\":2,\"reward\":1.0,\"kl\":null}\n"},
        {"samples/step-1.jsonl", "{\"step\":1}\n{\"ids\":[1,2]}\n"},
        {"samples/step-2.jsonl", "{\"step\":2}\n{\"ids\":[1,2]}\n"},
        {"samples/eval-2.jsonl", "{\"score\":2}\n"},
        {"summary.json", "{\n  \"accuracy\": 0.5\n}\n"}};
    EXPECT_EQ(files_of(run.path()), want);
}

TEST(RunFolder, InvalidTextIsReplaced) {
    TempFolder temporary;
    RunFolder run = RunFolder::create(temporary / "a");
    run.write_samples("step", 1, std::vector<ordered_json>{{{"text", "a\xff\nb"}}});
    EXPECT_EQ(read_file(run.path() / "samples/step-1.jsonl"), "{\"text\":\"a\uFFFD\\nb\"}\n");
    EXPECT_THROW(run.append_metrics({{"reward", 1.0}}), Error);
    EXPECT_THROW(run.append_metrics({{"step", 1.5}}), Error);
}

TEST(RunFolder, ResumedFilesAreThoseOfAnUninterruptedRun) {
    TempFolder temporary;
    RunFolder whole = RunFolder::create(temporary / "whole");
    whole.write_config("x\n");
    write_steps(whole, 1, 6);
    for (const int64_t checkpoint : {-1, 3, 4, 6}) {
        const fs::path path = temporary / cat("cut-", checkpoint);
        {
            RunFolder run = RunFolder::create(path);
            run.write_config("x\n");
            write_steps(run, 1, 6);
            run.write_summary({{"steps", 6}});
            make_folder(run.model());
            make_folder(run.path() / "adapters");
            make_folder(run.checkpoints() / "step-9");
            write_quickly(path / "samples/step-7.jsonl.tmp", "{");
            std::FILE* metrics = std::fopen((path / "metrics.jsonl").c_str(), "a");
            std::fputs("{\"step\":2", metrics);  // half a line, which must not count
            std::fclose(metrics);
        }
        RunFolder run = RunFolder::open(path);
        run.rewind(checkpoint);
        EXPECT_FALSE(fs::exists(run.checkpoints() / "step-9"));
        EXPECT_FALSE(fs::exists(run.model()));
        EXPECT_FALSE(fs::exists(run.path() / "adapters"));
        write_steps(run, std::max<int64_t>(checkpoint, 0) + 1, 6);
        EXPECT_EQ(files_of(path), files_of(whole.path())) << checkpoint;
    }
}

TEST(RunFolder, RewindKeepsWhatWasThere) {
    TempFolder temporary;
    RunFolder run = RunFolder::create(temporary / "a");
    write_steps(run, 1, 3);
    make_folder(run.checkpoints() / "step-2");
    const auto before = files_of(run.path());
    run.rewind(3);
    EXPECT_EQ(files_of(run.path()), before);
    EXPECT_TRUE(fs::exists(run.checkpoints() / "step-2"));
    run.rewind(-1);
    EXPECT_FALSE(fs::exists(run.checkpoints() / "step-2"));
    EXPECT_EQ(read_file(run.path() / "metrics.jsonl"), "");
    RunFolder empty = RunFolder::create(temporary / "b");
    empty.rewind(-1);
    EXPECT_EQ(files_of(empty.path()).size(), 1u);  // the lock
}

TEST(RunFolder, DamagedMetricsLinesAreDropped) {
    TempFolder temporary;
    RunFolder run = RunFolder::create(temporary / "a");
    write_quickly(run.path() / "metrics.jsonl",
                  "{\"step\":1}\nnonsense\n[1]\n{\"step\":\"1\"}\n{\"step\":2}\n{\"step\":3}\n");
    run.rewind(2);
    EXPECT_EQ(read_file(run.path() / "metrics.jsonl"), "{\"step\":1}\n{\"step\":2}\n");
}

TEST(RunFolder, ARunIsNotOverwritten) {
    TempFolder temporary;
    const fs::path path = temporary / "a";
    make_folder(path);
    for (const char* name : {"lock", "config.toml.tmp"}) write_quickly(path / name, "");
    RunFolder::create(path).write_config("");
    EXPECT_NE(error_of([&] { RunFolder::create(path); }).find("--resume"), std::string::npos);
    RunFolder::open(path);
    EXPECT_NE(error_of([&] { RunFolder::open(temporary / "none"); }).find("no run to resume"),
              std::string::npos);
    write_quickly(temporary / "file", "");
    EXPECT_THROW(RunFolder::create(temporary / "file"), Error);
    EXPECT_THROW(RunFolder::create(temporary / "file/a"), Error);
}

TEST(RunFolder, NamesAreUnique) {
    TempFolder temporary;
    const fs::path runs = temporary / "runs";
    EXPECT_EQ(RunFolder::create_unique(runs, "zero").path(), runs / "zero");
    EXPECT_EQ(RunFolder::create_unique(runs, "zero").path(), runs / "zero-2");
    EXPECT_EQ(RunFolder::create_unique(runs, "zero").path(), runs / "zero-3");
    write_quickly(temporary / "file", "");
    EXPECT_THROW(RunFolder::create_unique(temporary / "file", "zero"), Error);
}

TEST(RunFolder, OneProcessAtATime) {
    TempFolder temporary;
    const fs::path path = temporary / "a";
    {
        RunFolder run = RunFolder::create(path);
        run.write_config("");
        EXPECT_NE(error_of([&] { RunFolder::open(path); }).find("another process"), std::string::npos);
        const pid_t child = ::fork();
        if (child == 0) {
            int status = 0;
            try {
                RunFolder::open(path);
            } catch (const Error&) {
                status = 7;
            }
            ::_exit(status);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(WEXITSTATUS(status), 7);
        RunFolder moved = std::move(run);
        EXPECT_EQ(moved.path(), path);
        EXPECT_THROW(RunFolder::open(path), Error);
    }
    RunFolder::open(path);
}

}  // namespace
}  // namespace r1
