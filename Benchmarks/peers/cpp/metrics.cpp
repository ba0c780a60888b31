// Rows M1–M3 with prometheus-cpp, by the method of all harnesses.
#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "cbench.h"

namespace {

long repeats = 400;
std::vector<std::string> rows;

bool wants(const std::string &row) {
    return rows.empty() || std::find(rows.begin(), rows.end(), row) != rows.end();
}

// The share is that of the result among all in ascending order: 0 is the minimum.
void report(const char *row, const std::string &name, std::vector<double> results, double share, double allocations) {
    if (results.empty()) {
        std::printf("{\"row\":\"%s\",\"name\":\"%s\",\"windows\":0}\n", row, name.c_str());
        return;
    }
    std::sort(results.begin(), results.end());
    std::printf("{\"row\":\"%s\",\"name\":\"%s\",\"ns\":%.3f,\"p10\":%.3f,\"windows\":%zu", row, name.c_str(),
                results[size_t(share * double(results.size()))], results[results.size() / 10], results.size());
    if (bench_counts_allocations()) std::printf(",\"allocs\":%.3f", allocations);
    std::printf("}\n");
}

void measure(const char *row, const std::string &name, long operations, long windows,
             const std::function<void(long)> &body) {
    std::vector<double> results;
    body(operations);
    auto before = bench_thread_allocations();
    body(operations);
    auto allocations = double(bench_thread_allocations() - before) / double(operations);
    for (long i = 0; i < windows; i++) {
        auto begin = bench_now();
        body(operations);
        results.push_back(double(bench_now() - begin) / double(operations));
    }
    report(row, name, results, 0, allocations);
}

void measure_contended(const char *row, const std::string &name, std::function<void(long)> body) {
    std::vector<double> results;
    auto call = [](void *context, long operations) {
        (*static_cast<std::function<void(long)> *>(context))(operations);
    };
    // Beside other work many windows are of no use; two seconds are enough to find good ones.
    auto end = bench_now() + 2000000000u;
    while (long(results.size()) < repeats && bench_now() < end) {
        if (auto result = bench_two_threads(call, &body); result > 0) results.push_back(result);
    }
    // The median: the minimum would be the window in which the two met least.
    report(row, name, results, 0.5, 0);
}

void counters() {
    prometheus::Registry registry;
    auto &family = prometheus::BuildCounter().Name("bench_events_total").Help("Events.").Register(registry);
    auto &counter = family.Add({});
    auto increment = [&](long operations) {
        for (long i = 0; i < operations; i++) counter.Increment();
    };
    measure("M1", "prometheus-cpp", 8192, repeats, increment);
    measure_contended("M1", "prometheus-cpp, 2 threads", increment);
    measure("M1", "prometheus-cpp, with a look-up of 2 labels", 1024, repeats, [&](long operations) {
        for (long i = 0; i < operations; i++) family.Add({{"method", "GET"}, {"status", "200"}}).Increment();
    });
}

void histograms() {
    prometheus::Histogram histogram{{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}};
    volatile double value = 0.12;
    auto observe = [&](long operations) {
        for (long i = 0; i < operations; i++) histogram.Observe(value);
    };
    measure("M2", "prometheus-cpp", 8192, repeats, observe);
    measure_contended("M2", "prometheus-cpp, 2 threads", observe);
}

void scrapes() {
    prometheus::Registry registry;
    auto &family = prometheus::BuildCounter().Name("bench_requests_total").Help("Requests.").Register(registry);
    for (int i = 0; i < 10000; i++) {
        family.Add({{"method", i % 2 ? "POST" : "GET"}, {"path", "/orders/" + std::to_string(i)}}).Increment(i * 977.0);
    }
    prometheus::TextSerializer serializer;
    size_t size = 0;
    measure("M3", "prometheus-cpp", 1, repeats, [&](long operations) {
        for (long i = 0; i < operations; i++) size = serializer.Serialize(registry.Collect()).size();
    });
    std::printf("{\"row\":\"M3\",\"name\":\"prometheus-cpp, size\",\"bytes\":%zu}\n", size);
}

}  // namespace

int main(int count, char **arguments) {
    int first = 1;
    if (count > 2 && !std::strcmp(arguments[1], "--repeats")) {
        repeats = std::strtol(arguments[2], nullptr, 10);
        first = 3;
    }
    rows.assign(arguments + first, arguments + count);
    if (wants("M1")) counters();
    if (wants("M2")) histograms();
    if (wants("M3")) scrapes();
}
