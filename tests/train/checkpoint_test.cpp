#include "train/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "train_test.h"

namespace r1 {
namespace {

using nlohmann::json;

class CheckpointTest : public testing::Test {
  protected:
    CheckpointTest() { train(); }

    void train() {
        fill_gradients(optimizer_);
        optimizer_.step(stream_, model_, 1e-3f);
    }
    fs::path save(int64_t step, int keep = 2) {
        return save_checkpoint(stream_, folder_, step, model_, optimizer_, {{"position", 10 * step}}, {},
                               keep);
    }
    std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (const auto& path : list_folder(folder_)) result.push_back(path.filename());
        return result;
    }
    int64_t latest() {
        const auto found =
            latest_checkpoint(stream_, folder_, [&](const std::string& text) { warning_ = text; });
        return found ? found->step : -1;
    }

    Runtime runtime_{1};
    Stream& stream_ = runtime_.stream();
    TinyModel model_{stream_, 1};
    Optimizer optimizer_{model_, {}};
    TempFolder temporary_;
    fs::path folder_ = temporary_ / "checkpoints";
    std::string warning_;
};

using Names = std::vector<std::string>;

TEST_F(CheckpointTest, TrainingGoesOnToTheSameBits) {
    Buffer reference(DType::f32, {3, 5});
    for (int i = 0; i < 15; ++i) reference.as<float>()[i] = 0.1f * static_cast<float>(i);
    const std::vector<NamedTensor> extra{{"reference.w", reference.view()}};
    const json state = {{"position", 3}, {"seeds", {1, 2}}, {"text", "ü"}, {"rate", 1e-6}};
    save_checkpoint(stream_, folder_, 1, model_, optimizer_, state, extra);
    train();
    train();

    TinyModel other(stream_, 2);
    Optimizer resumed(other, {});
    const auto found = latest_checkpoint(stream_, folder_);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->step, 1);
    EXPECT_EQ(found->folder, folder_ / "step-1");
    EXPECT_EQ(load_checkpoint(stream_, found->folder, other, resumed), state);
    EXPECT_EQ(resumed.steps(), 1);
    for (int i = 0; i < 2; ++i) {
        fill_gradients(resumed);
        resumed.step(stream_, other, 1e-3f);
    }
    EXPECT_EQ(values_of(other.weights()), values_of(model_.weights()));
    EXPECT_EQ(values_of(resumed.exp_avg()), values_of(optimizer_.exp_avg()));
    EXPECT_EQ(values_of(resumed.exp_avg_sq()), values_of(optimizer_.exp_avg_sq()));
    Buffer loaded(DType::f32, {3, 5}), wrong(DType::f32, {5, 3});
    load_extra(found->folder, "reference.w", loaded.view());
    EXPECT_EQ(values_of(loaded.view()), values_of(reference.view()));
    EXPECT_THROW(load_extra(found->folder, "reference.w", wrong.view()), Error);
    EXPECT_THROW(load_extra(found->folder, "other", loaded.view()), Error);
}

TEST_F(CheckpointTest, TheSameStateGivesTheSameBytes) {
    const fs::path one = save(4), two = save_checkpoint(stream_, temporary_ / "b", 4, model_, optimizer_,
                                                        {{"position", 40}});
    for (const auto& path : list_folder(one))
        EXPECT_EQ(read_file(path), read_file(two / path.filename())) << path;
    EXPECT_EQ(list_folder(one).size(), 4u);
}

TEST_F(CheckpointTest, AdaptersAreSavedWithoutTheMasters) {
    model_.attach_lora({.rank = 2, .target_modules = {"q_proj"}}, 1);
    Optimizer optimizer(model_, {});
    fill_gradients(optimizer);
    optimizer.step(stream_, model_, 1e-2f);
    const fs::path saved = save_checkpoint(stream_, folder_, 1, model_, optimizer, json::object());
    const auto adapters = values_of(model_.trainable_weights());
    model_.lora()->weights().as<float>()[0] += 1.0f;
    load_checkpoint(stream_, saved, model_, optimizer);
    EXPECT_EQ(values_of(model_.trainable_weights()), adapters);
    TinyModel plain(stream_, 1);
    Optimizer of_plain(plain, {});
    EXPECT_NE(error_of([&] { load_checkpoint(stream_, saved, plain, of_plain); }).find("another model"),
              std::string::npos);
}

TEST_F(CheckpointTest, KeepsTheNewest) {
    for (int64_t step : {2, 4, 10}) save(step);
    EXPECT_EQ(names(), (Names{"step-10", "step-4"}));
    save(12, 1);
    EXPECT_EQ(names(), (Names{"step-12"}));
    save(3, 1);  // what is just written stays, whatever else is there
    EXPECT_EQ(names(), (Names{"step-12", "step-3"}));
}

TEST_F(CheckpointTest, AnIntactOneOfTheSameStepStays) {
    const std::string before = read_file(save(2) / "weights.safetensors");
    train();
    EXPECT_EQ(read_file(save(2) / "weights.safetensors"), before);
    write_quickly(folder_ / "step-2" / "weights.safetensors", "damage");
    EXPECT_NE(read_file(save(2) / "weights.safetensors"), before);
    EXPECT_EQ(latest(), 2);
    EXPECT_EQ(names(), (Names{"step-2"}));
}

TEST_F(CheckpointTest, LeftoversAreRemovedAndOtherFilesAreNot) {
    for (const char* name : {"step-3.tmp", "step-1.old.tmp", "step-x", "notes"})
        make_folder(folder_ / name / "a");
    EXPECT_EQ(latest(), -1);
    save(5);
    EXPECT_EQ(names(), (Names{"notes", "step-5", "step-x"}));
}

TEST_F(CheckpointTest, NoneWithoutAFolder) {
    EXPECT_EQ(latest(), -1);
}

// Every kind of damage is found, named, and the checkpoint before is used.
TEST_F(CheckpointTest, DamageIsFoundAndThePreviousOneUsed) {
    save(1);
    const fs::path newest = save(2);
    const auto damaged = [&](const std::string& name) {
        EXPECT_EQ(latest(), 1) << name;
        EXPECT_NE(warning_.find(newest.string()), std::string::npos) << warning_;
        EXPECT_NE(warning_.find(name), std::string::npos) << warning_;
        warning_.clear();
    };
    for (const std::string name :
         {"weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json"}) {
        const std::string good = read_file(newest / name);
        for (size_t at = 0; at < good.size(); at += good.size() / 7 + 1) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ 4);
            write_quickly(newest / name, bad);
            damaged(name);
            write_quickly(newest / name, good.substr(0, at));
            damaged(name);
        }
        fs::remove(newest / name);
        damaged(name);
        write_quickly(newest / name, good);
    }
    EXPECT_EQ(latest(), 2);
    const std::string manifest = read_file(newest / "manifest.json");
    for (const char* bad : {"[]", "{}", "{\"files\": []}", "{\"files\": {\"a\": 1}}", "[[[[["}) {
        write_quickly(newest / "manifest.json", bad);
        damaged("manifest.json");
    }
    json outside = json::parse(manifest);
    outside["files"]["../step-1/state.json"] = outside["files"]["state.json"];
    write_quickly(newest / "manifest.json", outside.dump());
    damaged("outside");
    fs::remove_all(newest);
    write_quickly(newest, "a file");
    damaged("manifest.json");
}

TEST_F(CheckpointTest, AnotherModelIsAnError) {
    const fs::path saved = save(1);
    ModelConfig config = tiny_config();
    config.intermediate_size = 32;
    Model other(config);
    Optimizer optimizer(other, {});
    EXPECT_NE(error_of([&] { load_checkpoint(stream_, saved, other, optimizer); }).find("gate_proj"),
              std::string::npos);
}

// Calls `action` in a child process and returns its id. The child ends with 0, or 1 on an exception.
template <class Action>
pid_t in_child(const Action& action) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    int status = 1;
    try {
        action();
        status = 0;
    } catch (...) {
    }
    ::_exit(status);
}

// A process that saves one checkpoint after another is killed at any instant; the last one whose save had
// returned, or a later one, is there and intact.
TEST_F(CheckpointTest, AKillLeavesTheLastCheckpointUsable) {
    int64_t step = 0;
    int partial = 0;
    for (int round = 0; round < 12; ++round) {
        int pipe_ends[2];
        ASSERT_EQ(::pipe(pipe_ends), 0);
        const pid_t child = in_child([&] {
            Runtime runtime(1);
            for (int64_t s = step + 1;; ++s) {
                save_checkpoint(runtime.stream(), folder_, s, model_, optimizer_, {{"step", s}}, {},
                                1 + round % 2);
                if (::write(pipe_ends[1], &s, sizeof s) != sizeof s) return;
            }
        });
        ASSERT_GT(child, 0);
        ::close(pipe_ends[1]);
        int64_t saved = 0;
        ASSERT_EQ(::read(pipe_ends[0], &saved, sizeof saved), static_cast<ssize_t>(sizeof saved));
        std::this_thread::sleep_for(std::chrono::microseconds(2000 * round));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        for (int64_t next; ::read(pipe_ends[0], &next, sizeof next) == static_cast<ssize_t>(sizeof next);)
            saved = next;
        ::close(pipe_ends[0]);
        for (const auto& name : names()) partial += name.ends_with(".tmp");
        step = latest();
        EXPECT_TRUE(step == saved || step == saved + 1) << step << " after " << saved;
        EXPECT_EQ(warning_, "");
        ASSERT_GE(step, saved);
        TinyModel other(stream_, 2);
        Optimizer optimizer(other, {});
        EXPECT_EQ(load_checkpoint(stream_, folder_ / cat("step-", step), other, optimizer),
                  json({{"step", step}}));
    }
    EXPECT_GT(partial, 0) << "no kill came in the midst of a save";
}

// A disk that is full, or a file that may not grow, at any point of a save.
TEST_F(CheckpointTest, AFullDiskLeavesTheLastCheckpointUsable) {
    const fs::path first = save(1);
    const size_t largest = read_file(first / "optimizer.safetensors").size();
    for (size_t limit = 0; limit < largest; limit += largest / 9 + 1) {
        const pid_t child = in_child([&] {
            ::signal(SIGXFSZ, SIG_IGN);
            const rlimit size{limit, limit};
            check(::setrlimit(RLIMIT_FSIZE, &size) == 0, "setrlimit");
            save(2);
        });
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFEXITED(status));
        EXPECT_EQ(WEXITSTATUS(status), 1) << limit;
        EXPECT_EQ(names(), (Names{"step-1"})) << limit;
        EXPECT_EQ(latest(), 1) << limit;
    }
    save(2);
    EXPECT_EQ(latest(), 2);
}

}  // namespace
}  // namespace r1
