#include "report/html.h"

#include <nlohmann/json.hpp>

#include "report/page.h"
#include "report/run_data.h"

namespace r1 {

std::string html_escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string script_json(const nlohmann::json& value) {
    const std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {  // these three occur in strings only
        switch (c) {
            case '<':
                out += "\\u003c";
                break;
            case '>':
                out += "\\u003e";
                break;
            case '&':
                out += "\\u0026";
                break;
            default:
                out += c;
        }
    }
    return out;
}

void write_report(const fs::path& run_folder) {
    const nlohmann::json run = read_run(run_folder);
    std::string page = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    // The browser itself refuses whatever a completion might smuggle in.
    page +=
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src "
        "'unsafe-inline'; ";
    page += "style-src 'unsafe-inline'\">\n<title>";
    page += html_escape(run["title"].get<std::string>()) + " · r1</title>\n<style>";
    page += page_style;
    page +=
        "</style>\n</head>\n<body>\n<main id=\"page\"><noscript>This page draws its curves with "
        "JavaScript.</noscript>";
    page +=
        "</main>\n<script type=\"application/json\" id=\"run\">" + script_json(run) + "</script>\n<script>";
    page += page_script;
    page += "</script>\n</body>\n</html>\n";
    write_file(run_folder / "report.html", page);
}

}  // namespace r1
