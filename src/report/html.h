// report.html: one self-contained page about a run, made from the run folder; it loads nothing from the
// network.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/files.h"

namespace r1 {

std::string html_escape(std::string_view text);  // & < > " '

// JSON that may stand inside <script>: no "<", ">" or "&" is left in it. Broken UTF-8 becomes U+FFFD.
std::string script_json(const nlohmann::json& value);

// Writes run_folder/report.html, complete or absent. Reads
//   metrics.jsonl         needed: flat objects with "step"; other numbers become curves, missing and NaN
//   become gaps config.toml           shown as it is summary.json          what summary_json() makes
//   (report/run_info.h) samples/step-N.jsonl
//   {"step","prompt_index","sample","prompt","completion","ids","tokens","logprobs","advantage",
//                          "reward","rewards":{name: score},"outcome","finish_reason"}
//   samples/eval-N.jsonl  {"step","problem","prompt","gold","completion","score","outcome"}
// Lines that cannot be read (a run may have been killed while writing one) are left out and counted on the
// page. Samples are taken evenly over the steps, so that the page stays under about 5 MB. Throws Error if
// there is no metrics.jsonl or the page cannot be written.
void write_report(const fs::path& run_folder);

}  // namespace r1
