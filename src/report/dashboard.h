// The terminal display of a training run.
//   live   a block of curves and figures at the bottom of the terminal, redrawn in place; notes scroll above
//   it plain  one readable line a step, for logs and pipes json   each line of metrics as it is, and nothing
//   else
// Nothing of the terminal is changed for longer than one write, so there is nothing to restore after Ctrl-C
// or a kill: the cursor rests, visible, below the block.
#pragma once
#include <functional>
#include <iosfwd>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "report/run_info.h"

namespace r1 {

enum class Display { live, plain, json };

struct TerminalSize {
    int columns = 80, rows = 24;
};

struct DashboardOptions {
    Display display = Display::plain;
    bool color = false;
    std::function<TerminalSize()> size;  // asked before each drawing, so that a resize is followed
    std::function<double()> seconds;     // a clock that never goes back
};

// What standard output calls for: live on a terminal that can be redrawn, plain otherwise; colours on a
// terminal unless NO_COLOR is set; json where asked for.
DashboardOptions terminal_options(bool json);

class Dashboard {
  public:
    Dashboard(std::ostream& out, DashboardOptions options);
    ~Dashboard();

    // `history`: lines of metrics.jsonl from before a resume; the curves begin with them, they are not
    // printed.
    void start(const RunInfo& info, const std::vector<nlohmann::json>& history = {});
    // One line of metrics.jsonl: "step" with the metrics of a training step, of an evaluation (eval/…), or of
    // both. Missing and non-finite metrics are left out.
    void step(const nlohmann::json& metrics);
    // What is being done now ("rolling out 96 of 256"); live only, at most ten times a second. Empty:
    // nothing.
    void status(std::string_view text);
    void note(std::string_view text);  // a line that stays; not in json
    void finish(const Summary& summary);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The closing summary alone, in lines of at most `columns`.
void print_summary(std::ostream& out, const Summary& summary, int columns, bool color);

}  // namespace r1
