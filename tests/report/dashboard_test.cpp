#include "report/dashboard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "report/terminal_text.h"

namespace r1 {
namespace {

using nlohmann::json;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Fixture {
    TerminalSize size;
    double now = 0;
    std::ostringstream out;

    DashboardOptions options(Display display, bool color = false) {
        return {display, color, [this] { return size; }, [this] { return now; }};
    }
    std::string take() {
        std::string text = out.str();
        out.str("");
        return text;
    }
};

RunInfo run_info() {
    return {"r1 zero", "embedded base", 1021632, "countdown", "cpu", 2, "avx2", 60, "runs/zero"};
}

json metrics(int step) {
    return {{"step", step},
            {"reward", 0.01 * step},
            {"completions/mean_length", 20.0 + step},
            {"entropy", 0.5},
            {"reasoning/tries_per_completion", 2.5},
            {"reasoning/checks_per_completion", 1.25},
            {"reasoning/backtracks_per_completion", 1},
            {"perf/rollout_tokens_per_s", 31234.0},
            {"step_time", 2.0}};
}

Summary summary() {
    Summary all;
    all.accuracy_before = 0.098;
    all.accuracy_after = 0.741;
    all.length_before = 24.8;
    all.length_after = 118.3;
    all.problems = 2048;
    all.problem = "make 40 from 28 8 23";
    all.before = {"28+8+23", false, 9};
    all.after = {"<think> no wait yes </think> (28-23)*8", true, 61};
    all.disclosure = "15 % of the corpus searches.";
    all.seconds = 108;
    all.report = "runs/zero/report.html";
    all.model = "runs/zero/model";
    return all;
}

// The rows of a terminal after what was written to it, one character a cell; only the sequences that the
// display uses are known.
std::vector<std::string> screen(const std::string& bytes) {
    std::vector<std::vector<std::string>> rows(1);
    size_t row = 0, column = 0;
    for (size_t at = 0; at < bytes.size();) {
        if (bytes[at] == '\r') {
            column = 0;
            ++at;
        } else if (bytes[at] == '\n') {
            if (++row == rows.size()) rows.emplace_back();
            column = 0;
            ++at;
        } else if (bytes[at] == '\x1b') {
            const size_t end = bytes.find_first_not_of("0123456789", at + 2);
            if (bytes[end] == 'A') {
                const size_t up = std::stoul(bytes.substr(at + 2, end - at - 2));
                EXPECT_LE(up, row) << "moves above the first row";
                row -= std::min(up, row);
            } else if (bytes[end] == 'J') {
                rows.resize(row + 1);
                rows[row].resize(column);
            } else if (bytes[end] == 'K') {
                rows[row].resize(column);
            } else {
                EXPECT_EQ(bytes[end], 'm');
            }
            at = end + 1;
        } else {
            size_t next = at + 1;
            while (next < bytes.size() && (bytes[next] & 0xC0) == 0x80) ++next;
            if (rows[row].size() <= column) rows[row].resize(column + 1, " ");
            rows[row][column++] = bytes.substr(at, next - at);
            at = next;
        }
    }
    std::vector<std::string> out;
    for (const auto& cells : rows) {
        std::string& text = out.emplace_back();
        for (const std::string& cell : cells) text += cell;
    }
    return out;
}

size_t count(const std::vector<std::string>& rows, const std::string& text) {
    size_t found = 0;
    for (const std::string& row : rows) found += row.find(text) != std::string::npos;
    return found;
}

TEST(Dashboard, PlainLines) {
    Fixture f;
    Dashboard dashboard(f.out, f.options(Display::plain));
    dashboard.start(run_info());
    EXPECT_EQ(f.take(),
              "r1 zero\n"
              "model    embedded base, 1,021,632 parameters\n"
              "task     countdown\n"
              "machine  cpu, 2 threads, avx2\n"
              "run      runs/zero\n");
    dashboard.step({{"step", 0}, {"eval/accuracy", 0.098}, {"eval/length", 24.83}});
    EXPECT_EQ(f.take(), "step  0/60  held-out accuracy 9.8 %  held-out length 24.8\n");
    f.now = 2;
    json line = metrics(1);
    line["kl"] = nan;
    line["eval/accuracy"] = 0.125;
    dashboard.step(line);
    EXPECT_EQ(f.take(),
              "step  1/60  reward 0.010  held-out accuracy 12.5 %  length 21  tries 2.50  checks 1.25  "
              "backtracks 1  "
              "entropy 0.500  tokens/s 31.2 k  2 s  1:58 left\n");
    dashboard.status("rolling out");
    EXPECT_EQ(f.take(), "");
    dashboard.note("no group had a \x1b[31msignal");
    EXPECT_EQ(f.take(), "no group had a [31msignal\n");
    dashboard.finish(summary());
    EXPECT_EQ(f.take(), R"(
  held-out accuracy     9.8 %  →   74.1 %   on 2,048 problems
  response length        24.8  →    118.3   tokens

  One held-out problem
    make 40 from 28 8 23

  before  ✗ wrong  9 tokens
    28+8+23

  after  ✓ right  61 tokens
    <think> no wait yes </think>
    (28-23)*8

  15 % of the corpus searches.

  time     1:48
  report   runs/zero/report.html
  model    runs/zero/model
)");
}

TEST(Dashboard, JsonModeIsTheMetricsAndNothingElse) {
    Fixture f;
    Dashboard dashboard(f.out, f.options(Display::json, true));
    dashboard.start(run_info());
    dashboard.note("a note");
    dashboard.status("rolling out");
    dashboard.step({{"step", 0}, {"eval/accuracy", 0.5}});
    dashboard.step({{"step", 1}, {"kl", nan}, {"text", "\xff"}});
    dashboard.finish(summary());
    EXPECT_EQ(f.take(), "{\"eval/accuracy\":0.5,\"step\":0}\n{\"kl\":null,\"step\":1,\"text\":\"\uFFFD\"}\n");
}

TEST(Dashboard, LiveBlockIsRedrawnInPlace) {
    Fixture f;
    f.size = {80, 40};
    Dashboard dashboard(f.out, f.options(Display::live, true));
    dashboard.start(run_info());
    for (int step = 0; step <= 60; ++step) {
        json line = metrics(step);
        if (step % 10 == 0) line["eval/accuracy"] = 0.1 + step * 0.01;
        f.now += 2;
        dashboard.step(line);
        dashboard.status("rolling out");
    }
    dashboard.status("");
    dashboard.note("a note that stays");
    const auto rows = screen(f.out.str());
    EXPECT_EQ(count(rows, "r1 zero"), 1u);
    EXPECT_EQ(count(rows, "60/60"), 1u);
    EXPECT_EQ(count(rows, "a note that stays"), 1u);
    EXPECT_EQ(count(rows, "held-out accuracy  10.0 % → 70.0 %"), 1u);
    EXPECT_EQ(count(rows, "tokens/s"), 1u);
    EXPECT_EQ(count(rows, "rolling"), 0u);
    EXPECT_LE(rows.size(), 26u);
    EXPECT_EQ(f.out.str().find("\x1b[?"), std::string::npos);  // no mode is changed, so none needs restoring
}

TEST(Dashboard, AShorterLineLeavesNothingOfALongerOne) {
    Fixture f;
    Dashboard dashboard(f.out, f.options(Display::live));
    dashboard.start(run_info());
    dashboard.status("rolling out 256 of 256 responses");
    f.now = 1;
    dashboard.status("training");
    EXPECT_EQ(count(screen(f.out.str()), "responses"), 0u);
    EXPECT_EQ(count(screen(f.out.str()), "training"), 1u);
}

TEST(Dashboard, NoLineExceedsTheTerminalAndNoBlockItsRows) {
    for (const int rows : {1, 2, 5, 10, 24, 60}) {
        for (int columns = 12; columns <= 150; columns += columns < 90 ? 3 : 19) {
            Fixture f;
            f.size = {columns, rows};
            Dashboard dashboard(f.out, f.options(Display::live));
            RunInfo info = run_info();
            info.model =
                "a model 中文字中文字 with a very long name that goes on and on and on and on and on";
            dashboard.start(info);
            f.take();
            for (int step = 0; step < 30; ++step) {
                f.now += 100;
                json line = metrics(step);
                line["eval/accuracy"] = 0.5;
                dashboard.step(line);
                dashboard.status(
                    "rolling out 96 of 256 中文字 responses of a very long status line that goes on");
            }
            f.take();
            f.now += 1;
            dashboard.status(
                "rolling out 97 of 256 中文字 responses of a very long status line that goes on");
            const auto drawn = screen(std::string(100, '\n') + f.take());
            size_t lines = 0;
            for (const std::string& row : drawn) {
                EXPECT_LT(display_width(row), std::max(columns, 12)) << row;
                lines += !row.empty();
            }
            EXPECT_LE(lines, static_cast<size_t>(std::max(rows - 1, 1)));
            EXPECT_GE(lines, 1u);
        }
    }
}

TEST(Dashboard, SummaryFitsNarrowTerminals) {
    for (const int columns : {20, 33, 80}) {
        std::ostringstream out;
        Summary all = summary();
        all.report = all.model = "m";  // paths are never cut
        print_summary(out, all, columns, false);
        std::istringstream lines(out.str());
        for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), columns) << line;
    }
}

TEST(Dashboard, SummaryDimsTheThought) {
    std::ostringstream out;
    print_summary(out, summary(), 80, true);
    EXPECT_NE(out.str().find("    \x1b[2m<think> no wait yes </think>\x1b[0m\n    (28-23)*8\n"),
              std::string::npos);
    std::ostringstream empty;
    Summary nothing;
    nothing.problem = "p";
    print_summary(empty, nothing, 80, false);
    EXPECT_EQ(count(screen(empty.str()), "(nothing)"), 2u);
    EXPECT_EQ(count(screen(empty.str()), "held-out accuracy"), 0u);
}

TEST(Dashboard, AResizeClearsTheBrokenLines) {
    Fixture f;
    f.size = {80, 50};
    Dashboard dashboard(f.out, f.options(Display::live));
    dashboard.start(run_info());
    dashboard.step(metrics(1));
    dashboard.step(metrics(2));
    f.take();
    f.size.columns = 40;  // every line wider than 40 now takes two rows
    dashboard.step(metrics(3));
    const std::string text = f.take();
    ASSERT_EQ(text.substr(0, 3), "\r\x1b[");
    EXPECT_GT(std::stoi(text.substr(3)), 14);
    EXPECT_NE(text.find("A\x1b[J"), std::string::npos);
}

TEST(Dashboard, ResumedCurvesBeginWithTheHistory) {
    Fixture f;
    Dashboard dashboard(f.out, f.options(Display::live));
    dashboard.start(
        run_info(),
        {{{"step", 0}, {"eval/accuracy", 0.1}}, metrics(1), {{"step", 1}, {"eval/accuracy", 0.2}}});
    EXPECT_NE(f.take().find("held-out accuracy  10.0 % → 20.0 %"), std::string::npos);
}

TEST(Dashboard, OddMetricsAreLeftOut) {
    Fixture f;
    Dashboard dashboard(f.out, f.options(Display::plain));
    dashboard.step({{"reward", 1}});
    dashboard.step({{"step", nan}});
    dashboard.step(
        {{"step", 1e300}, {"reward", "high"}, {"entropy", std::numeric_limits<double>::infinity()}});
    dashboard.step(json::array());
    EXPECT_EQ(f.take(), "step 1000000000000000\n");
}

}  // namespace
}  // namespace r1
