// SIGKILL at any moment, then --resume: the files are those of a run that was never interrupted.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "rl/toy_run.h"

namespace r1 {
namespace {

constexpr int kFailed = 3;

class SurvivalTest : public testing::Test {
  protected:
    SurvivalTest() {
        config_.save_steps = 2, config_.steps = 5;
        config_.beta = 0.1f, config_.sync_ref_model = true, config_.ref_model_sync_steps = 2;
        const auto start = std::chrono::steady_clock::now();
        toy_.run(config_);
        seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        config_.out = toy_ / "killed";
    }

    // Starts or goes on in a process of its own, which kills itself at the `at`-th thing that it tells.
    // Returns the process.
    pid_t begin(int at) {
        const pid_t child = ::fork();
        if (child != 0) return child;
        int code = 0;
        try {
            if (fs::exists(toy_ / "killed/config.toml")) config_.resume = config_.out;
            int told = 0;
            const auto tell = [&] {
                if (told++ == at) ::raise(SIGKILL);
            };
            RlCallbacks callbacks;
            callbacks.metrics = [&](const nlohmann::ordered_json&) { tell(); };
            callbacks.status = [&](const std::string&) { tell(); };
            callbacks.started = [&](const fs::path&, int64_t) { tell(); };
            Runtime runtime(1);
            toy_.run(runtime.stream(), config_, -1, callbacks);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s\n", error.what());
            code = kFailed;
        }
        ::_exit(code);
    }
    // Whether it was killed.
    static bool end(pid_t child) {
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "the run ended with an error";
        return WIFSIGNALED(status);
    }

    Toy toy_;
    RlConfig config_ = toy_.config("whole");
    double seconds_ = 0.0;
};

TEST_F(SurvivalTest, KilledAtEveryStage) {
    int kills = 0;
    for (int at : {0, 1, 2, 4, 3, 5, 7, 9, 11, 13, 8, 10, 12, 6, 14, 20}) {
        if (!end(begin(at))) break;
        ++kills;
    }
    EXPECT_GT(kills, 5);
    while (end(begin(1000))) {
    }
    expect_same_run(toy_ / "killed", toy_ / "whole");
}

TEST_F(SurvivalTest, KilledAtRandomMoments) {
    Rng rng(static_cast<uint64_t>(::getpid()));  // other moments each time
    for (int kills = 0; kills < 10; ++kills) {
        const pid_t child = begin(1000000);
        std::this_thread::sleep_for(
            std::chrono::duration<double>(seconds_ * static_cast<double>(rng.uniform())));
        ::kill(child, SIGKILL);
        end(child);
    }
    while (end(begin(1000000))) {
    }
    expect_same_run(toy_ / "killed", toy_ / "whole");
}

}  // namespace
}  // namespace r1
