#include "cli/verbs.h"
#include "report/html.h"

namespace r1::cli {
namespace {

struct Config {
    std::string run;
};

std::vector<Option> options(Config& c) {
    return {{.name = "run",
             .target = &c.run,
             .help = "Folder of a run",
             .value = "DIR",
             .positional = true,
             .required = true}};
}

int run(const Config& c) {
    write_report(c.run);
    print((fs::path(c.run) / "report.html").string() + "\n");
    return 0;
}

}  // namespace

Verb report_verb() {
    return make_verb<Config>("report", "Write a run's report.html again",
                             "Works while the run goes on. Prints the path of the page.", options, run);
}

}  // namespace r1::cli
