// What report.html shows of a run folder, as one JSON value.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "core/files.h"

namespace r1 {

// {"title", "config", "summary", "series": {key: [[step, value or null], …]}, "steps": [N, …],
//  "samples": [row, …], "evaluations": {"first": N, "last": N, "problems": [{…, "before", "after"}, …]},
//  "unread": N}
// Files and limits: see write_report() in report/html.h.
nlohmann::json read_run(const fs::path& run_folder);

}  // namespace r1
