// Scripts: class Context, with types and a cache that write down what is done with them.
#include <fstream>
#include <iterator>
#include <map>

#include "dump.h"
#include "precompile/context.h"
#include "requests.h"


namespace testee {
namespace {

using precompile::ArtifactValue;
using precompile::Context;
using precompile::Done;
using precompile::Error;
using precompile::Status;

v1::ArtifactId id_with_digest(const ArtifactValue& value) {
  v1::ArtifactId id;
  id.set_type(value.type);
  id.set_key(value.key);
  id.set_content_digest(value.digest);
  return id;
}

// One context of a script with all that it wrote down.
struct Player : precompile::PrecompileCache {
  explicit Player(Context made) : context(std::move(made)) {}

  bool fails(const ArtifactValue& value) const {
    const auto on = fails_on.find(value.type);
    return on != fails_on.end() && !on->second.empty() && value.content.view == on->second;
  }

  Status write(const ArtifactValue& entry, const std::vector<ArtifactValue>& backends) override {
    auto& stitched = *written.add_stitched();
    *stitched.mutable_entry() = id_with_digest(entry);
    for (const auto& backend : backends) *stitched.add_backends() = id_with_digest(backend);
    return Done{};
  }

  Context context;
  std::vector<precompile::Fresh> fresh;
  std::map<std::string, std::string> fails_on;
  c1::PopulateResult written;
};

class Script {
 public:
  explicit Script(const c1::ScriptRequest& request) : request_(request) {}

  c1::ScriptResponse run() {
    for (const auto& step : request_.steps()) {
      auto& result = *response_.add_results();
      take(step, result);
      if (now_ == nullptr) continue;
      for (const auto& id : now_->context.current()) *result.mutable_snapshot()->add_current() = id;
      result.mutable_snapshot()->set_need_serialize(now_->context.need_serialize());
    }
    return std::move(response_);
  }

 private:
  static void fail(const Error& error, c1::StepResult& result) {
    switch (error.kind) {
      case Error::Kind::kCallback:
        result.mutable_raised();
        return;
      case Error::Kind::kMisuse:
        result.mutable_misuse()->set_detail(error.detail);
        return;
      case Error::Kind::kRejection:
        *result.mutable_rejection() = rejection(error);
        return;
      default:
        c1::Response none;
        refuse(error, none);
    }
  }

  static void done(const Status& status, c1::StepResult& result) {
    if (!status.ok()) return fail(status.error(), result);
    result.mutable_done();
  }

  void take(const c1::Step& step, c1::StepResult& result) {
    if (step.step_case() == c1::Step::kUseContext) return use(step.use_context(), result);
    if (now_ == nullptr) return fail(Error::misuse("The first step uses a context."), result);
    Context& context = now_->context;
    switch (step.step_case()) {
      case c1::Step::kRegister:
        return add_type(step.register_(), result);
      case c1::Step::kRecord:
        return done(context.record(step.record().type(), step.record().key(),
                                   step.record().content(),
                                   {step.record().backends().begin(), step.record().backends().end()},
                                   {step.record().fields().begin(), step.record().fields().end()}),
                    result);
      case c1::Step::kRemove:
        return result.mutable_removed()->set_found(
            context.remove(step.remove().type(), step.remove().key()));
      case c1::Step::kEdit:
        return done(context.edit(step.edit().key(),
                                 [&](std::string_view) -> precompile::Result<std::string> {
                                   if (step.edit().fails()) return Error::callback("It fails.");
                                   return step.edit().content();
                                 }),
                    result);
      case c1::Step::kLookup:
        return give(context.lookup(step.lookup().type(), step.lookup().key()), result);
      case c1::Step::kFindBackend:
        return give(context.serialize_by_key(step.find_backend().key()), result);
      case c1::Step::kSerialize:
        return serialize(result);
      case c1::Step::kSave:
        return save(step.save().path(), result);
      case c1::Step::kLoad:
        return load(step.load(), result);
      case c1::Step::kPopulate:
        return populate(result);
      case c1::Step::kClear:
        context.clear();
        return done(Done{}, result);
      case c1::Step::kEnterFresh:
        now_->fresh.push_back(context.fresh());
        return done(Done{}, result);
      case c1::Step::kLeaveFresh:
        if (now_->fresh.empty()) return fail(Error::misuse("No block is open."), result);
        now_->fresh.pop_back();
        return done(Done{}, result);
      default:
        return fail(Error::misuse("The step is of no known kind."), result);
    }
  }

  void use(const c1::UseContext& step, c1::StepResult& result) {
    auto found = players_.find(step.name());
    if (found == players_.end()) {
      precompile::ContextOptions options;
      options.host = host_of(step.host());
      if (!step.no_policy()) {
        auto policy = policy_of(step.has_trust() ? &step.trust() : nullptr);
        if (!policy.ok()) return fail(policy.error(), result);
        options.policy = std::move(policy.value());
      }
      if (step.has_requirements()) {
        const auto& required = step.requirements().requirements();
        options.requirements.emplace(required.begin(), required.end());
      }
      auto made = Context::create(std::move(options));
      if (!made.ok()) return fail(made.error(), result);
      found = players_.try_emplace(step.name(), std::move(made.value())).first;
    }
    now_ = &found->second;
    result.mutable_done();
  }

  void add_type(const c1::Register& step, c1::StepResult& result) {
    Player* const player = now_;
    precompile::ArtifactType type;
    type.name = step.type();
    type.kind = step.kind();
    type.fields = {step.fields().begin(), step.fields().end()};
    if (step.kind() == v1::ARTIFACT_KIND_CACHE) {
      type.populate_cache = [player](const ArtifactValue& value) -> Status {
        if (player->fails(value)) return Error::callback("The cache refuses this content.");
        *player->written.add_populated() = id_with_digest(value);
        return Done{};
      };
    }
    if (step.kind() == v1::ARTIFACT_KIND_BACKEND) {
      type.deserialize = [player](const ArtifactValue& value) -> Status {
        if (player->fails(value)) return Error::callback("The content cannot be deserialized.");
        return Done{};
      };
    }
    const auto status = player->context.register_type(std::move(type));
    if (status.ok()) player->fails_on[step.type()] = step.fails_on();
    done(status, result);
  }

  static void give(const precompile::Result<std::optional<ArtifactValue>>& found,
                   c1::StepResult& result) {
    if (!found.ok()) return fail(found.error(), result);
    auto& given = *result.mutable_found();
    if (!found.value()) return;
    auto& artifact = *given.mutable_artifact();
    artifact.set_type(found.value()->type);
    artifact.set_key(found.value()->key);
    artifact.set_content(std::string(found.value()->content.view));
    for (const auto& field : found.value()->fields) *artifact.add_fields() = field;
  }

  void serialize(c1::StepResult& result) {
    auto serialized = now_->context.serialize();
    if (!serialized.ok()) return fail(serialized.error(), result);
    auto& given = *result.mutable_serialized();
    if (!serialized.value()) return;
    given.set_bundle(std::move(serialized.value()->bundle));
    *given.mutable_info() = std::move(serialized.value()->info);
  }

  void save(const std::string& path, c1::StepResult& result) {
    auto info = now_->context.save(path);
    if (!info.ok()) return fail(info.error(), result);
    auto& given = *result.mutable_saved();
    *given.mutable_info() = std::move(info.value());
    std::ifstream file(path, std::ios::binary);
    given.set_file(std::string(std::istreambuf_iterator<char>(file), {}));
  }

  void load(const c1::Load& step, c1::StepResult& result) {
    const bool by_step = step.source_case() == c1::Load::kStep;
    if (by_step && step.step() >= static_cast<uint32_t>(response_.results_size())) {
      return fail(Error::misuse("There is no such step."), result);
    }
    const auto loaded =
        by_step ? now_->context.load_bytes(
                      response_.results(static_cast<int>(step.step())).serialized().bundle())
                : now_->context.load(step.path());
    if (!loaded.ok()) return fail(loaded.error(), result);
    auto& given = *result.mutable_loaded();
    *given.mutable_info() = loaded->info;
    given.set_segments(static_cast<uint32_t>(loaded->segments));
    given.set_opaque(static_cast<uint32_t>(loaded->opaque));
    given.set_ignored(loaded->ignored);
  }

  void populate(c1::StepResult& result) {
    now_->written.Clear();
    const auto populated = now_->context.populate(now_);
    if (!populated.ok()) return fail(populated.error(), result);
    auto& given = *result.mutable_populated();
    given = now_->written;
    *given.mutable_info() = populated->info;
    for (const auto& outcome : populated->outcomes) {
      auto& told = *given.add_outcomes();
      told.set_type(outcome.type);
      told.set_key(outcome.key);
      told.set_code(outcome.code);
    }
  }

  const c1::ScriptRequest& request_;
  c1::ScriptResponse response_;
  std::map<std::string, Player> players_;
  Player* now_ = nullptr;
};

}  // namespace

void run_script(const c1::ScriptRequest& request, c1::Response& response) {
  *response.mutable_script() = Script(request).run();
}

}  // namespace testee
