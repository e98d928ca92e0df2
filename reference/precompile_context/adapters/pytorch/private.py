"""Every name of torch that is used here and that torch does not promise to keep.

Tested with torch 2.13, 2.14 and 2.15. A version that lacks one of them is not guessed around:
the program runs cold. A table, and long for that: an entry for each name.
"""

import importlib
import inspect
from dataclasses import dataclass

from precompile_context.session.adapter import UnsupportedCompilerError


class UnsupportedTorchError(UnsupportedCompilerError):
    """This torch lacks something that the adapter needs; nothing was changed in it."""

    @classmethod
    def of(cls, why: str) -> "UnsupportedTorchError":
        """Of the torch that is here."""
        import torch

        return cls(f"torch {torch.__version__} is not supported: {why}")


@dataclass(frozen=True, slots=True)
class PrivateName:
    """A name inside a module of torch, and what the adapter does with it.

    Attributes:
        later: what later releases have in its place, one of them each.
    """

    module: str
    name: str
    purpose: str
    later: tuple[str, ...] = ()


NAMES = (
    PrivateName(
        "torch.compiler._cache",
        "CacheArtifactManager.record_artifact",
        "wrapped: each artifact that a cache of torch records passes here",
    ),
    PrivateName(
        "torch.compiler._cache",
        "CacheArtifactFactory.encode_create",
        "called: an artifact's content as the bytes that torch would save",
    ),
    PrivateName(
        "torch.compiler._cache",
        "CacheArtifactFactory.create",
        "called: applies types of artifacts that we do not know",
    ),
    PrivateName(
        "torch.compiler._cache",
        "CacheArtifactFactory._artifact_types",
        "read: the types of artifacts that are registered with torch",
    ),
    PrivateName(
        "torch.nn.modules.module",
        "_has_any_global_hook",
        "called: a trace holds that there are no hooks of all modules",
    ),
    PrivateName(
        "torch._C",
        "_autocast_supported_devices",
        "called: where autocast casts, and a trace holds to which type",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "CppCodeCache.load_async",
        "wrapped: a library is about to be looked for, of a compile or of a file that is loaded",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "CppCodeCache._load_library",
        "wrapped: each C++ library that inductor loads, whoever built it, passes here",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "DLLWrapper.__init__",
        "wrapped: each CUTLASS, ROCm and XPU library that inductor loads passes here",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "GuardedCache.iterate_over_candidates",
        "wrapped: offers the bundle's graphs, and none compiled for other instructions than asked",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "write",
        "wrapped: tells the library that inductor is about to look for",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "_precompile_header",
        "wrapped: runs the compiler for each library, also for one that needs no build",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "torch_key",
        "called: digest of torch's own sources, a fact of the environment",
    ),
    PrivateName(
        "torch._inductor.utils",
        "parallel_num_threads",
        "called: how many threads kernels are built for, a fact of the environment",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "FxGraphCache",
        "read: whether it is this cache that asks for a graph",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.autograd_cache",
        "AOTAutogradCache",
        "read: whether it is this cache that asks for a graph",
    ),
    PrivateName(
        "torch._inductor.cpu_vec_isa",
        "VecISA.check_build",
        "wrapped: answers where an equal host has probed for an instruction set",
    ),
    PrivateName(
        "torch._inductor.cpu_vec_isa",
        "VecISA._probe_load",
        "counted, in a run that reports: a probe loads a library",
    ),
    PrivateName(
        "torch._inductor.cpp_builder",
        "cpp_compiler_search",
        "wrapped: names the compiler that built what the bundle holds, where there is none",
    ),
    PrivateName(
        "torch._inductor.cpp_builder",
        "is_intel_compiler",
        "called, by save_cache_artifacts: asks once more",
    ),
    PrivateName(
        "torch._inductor.cpu_vec_isa",
        "valid_vec_isa_list",
        "called, by save_cache_artifacts: what is asked about once more",
    ),
    PrivateName(
        "torch._inductor.cpp_builder",
        "_is_intel_compiler",
        "wrapped: of which make that compiler was",
    ),
    PrivateName(
        "torch._inductor.cpp_builder",
        "_is_gcc_version_less_than",
        "wrapped: which version that compiler had",
    ),
    PrivateName(
        "torch._inductor.cpp_builder",
        "get_cpp_compiler",
        "called: the C++ compiler that kernels are built with",
    ),
    PrivateName(
        "torch._inductor.exc",
        "InvalidCxxCompiler",
        "caught: what get_cpp_compiler raises on a host without one",
    ),
    PrivateName(
        "torch._inductor.runtime.cache_dir_utils",
        "cache_dir",
        "called: where inductor keeps its files, as the environment says at the moment",
    ),
    PrivateName(
        "torch._dynamo.callback",
        "CompilationCallbackHandler.install_callbacks",
        "wrapped: the bracket around each compile, backward ones too",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.autograd_cache",
        "AOTAutogradCache.save",
        "wrapped: a graph is not kept that cannot be pickled, or is of two settings",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "FxGraphCachePickler.debug_lines",
        "read, where a compiled graph keeps them: the settings that it was compiled under",
    ),
    PrivateName(
        "torch._inductor.compile_fx",
        "compile_fx",
        "wrapped, in a run: it begins with the first call",
    ),
    PrivateName(
        "torch._dynamo.package",
        "DiskDynamoCache.load",
        "wrapped, in a run: it begins with the first call",
    ),
    PrivateName(
        "torch._inductor.cpp_builder",
        "CppBuilder.build",
        "wrapped: each build of C++ passes here; counted, and refused where there is no compiler",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "FxGraphCache.prepare_key",
        "counted, in a run that reports: finds that a graph cannot be cached",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "FxGraphCache.load_with_key",
        "counted, in a run that reports: hits and misses of inductor's graphs",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.autograd_cache",
        "AOTAutogradCache.try_load",
        "counted, in a run that reports: hits and misses of autograd's graphs",
    ),
    PrivateName(
        "torch._dynamo.trace_rules",
        "check",
        "wrapped: frames of ours are passed over, as torch's own are",
    ),
    PrivateName(
        "torch._guards",
        "TracingContext.try_get",
        "called: the sizes that vary in what is compiled, and their bounds, are part of a key",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.autograd_cache",
        "autograd_cache_key",
        "wrapped: a key knows the program's own operators and functions in its graph",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.autograd_cache",
        "BypassAOTAutogradCache",
        "raised: their code is not known",
    ),
    PrivateName(
        "torch._functorch.config",
        "_sync_decision_cross_ranks",
        "read: whether ranks that compile wait for each other",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "compiled_fx_graph_hash",
        "wrapped: as autograd's keys",
    ),
    PrivateName(
        "torch._inductor.codecache",
        "BypassFxGraphCache",
        "raised: as with autograd's graphs",
    ),
    PrivateName(
        "torch._library.custom_ops",
        "OPDEFS",
        "read: what is registered for an operator of torch.library.custom_op",
    ),
    PrivateName(
        "torch._library.simple_registry",
        "singleton",
        "read: fake implementations and rules that are registered for operators",
    ),
    PrivateName(
        "torch.library",
        "_impls",
        "read: which operators have kernels that only torch's dispatcher knows",
    ),
    PrivateName(
        "torch._inductor.pattern_matcher",
        "PatternMatcherPass",
        "read: the patterns that the program has put into inductor's passes",
    ),
    PrivateName(
        "torch._inductor.fx_passes.pre_grad",
        "PatternMatcherPass",
        "looked through: such passes",
    ),
    PrivateName(
        "torch._inductor.fx_passes.split_cat",
        "PatternMatcherPass",
        "looked through: such passes",
    ),
    PrivateName(
        "torch._inductor.fx_passes.joint_graph",
        "PatternMatcherPass",
        "looked through: such passes",
    ),
    PrivateName(
        "torch._inductor.fx_passes.post_grad",
        "PatternMatcherPass",
        "looked through: such passes",
    ),
    PrivateName(
        "torch.fx.node",
        "_side_effectful_functions",
        "read: what the program has put there",
    ),
    PrivateName(
        "torch._higher_order_ops.effects",
        "has_effects",
        "called: whether torch itself puts an operator there when it compiles it",
    ),
    PrivateName(
        "torch._inductor.codegen.common",
        "device_codegens",
        "read: what the program has registered for a device",
    ),
    PrivateName(
        "torch._inductor.codegen.common",
        "device_op_overrides_dict",
        "read: what the program has registered for a device",
    ),
    PrivateName(
        "torch._inductor.codegen.common",
        "custom_backend_passes",
        "read: what the program has registered for a device",
    ),
    PrivateName(
        "torch._inductor.codegen.common",
        "custom_backend_codegen_configs",
        "read: what the program has registered for a device",
    ),
    PrivateName(
        "torch._inductor.lowering",
        "_maybe_layout_constraints",
        "read: what the program has put there",
    ),
    PrivateName(
        "torch._inductor.fx_passes.post_grad",
        "noop_registry",
        "read: what the program has put there",
    ),
    PrivateName(
        "torch._dynamo.convert_frame",
        "_bytecode_hooks",
        "read: whether the program has dynamo call it with each frame's code",
    ),
    PrivateName(
        "torch._inductor.lowering",
        "lowerings",
        "read: what the program has put there",
    ),
    PrivateName(
        "torch._inductor.decomposition",
        "decompositions",
        "read: what the program has put there",
    ),
    PrivateName(
        "torch._decomp",
        "global_decomposition_table",
        "read: what the program has put there",
    ),
    PrivateName(
        "torch._inductor.compile_fx",
        "fx_codegen_and_compile",
        "counted, in a run that reports: each graph that inductor compiles passes here",
    ),
)

# Releases whose guards the automatic mode knows, each kind of them. A later one may add a kind
# that compares addresses, and all of these names may still be there.
PRECOMPILE_RELEASES = ("2.13", "2.14", "2.15")
# What the automatic mode uses beyond that.
PRECOMPILE_NAMES = (
    PrivateName(
        "torch._dynamo.convert_frame",
        "_compile",
        "wrapped: dynamo compiles each frame by it, where a saved version may be served",
    ),
    PrivateName(
        "torch._dynamo.convert_frame",
        "orig_code_map",
        "filled in: the code that a served version stands for",
    ),
    PrivateName(
        "torch._dynamo.convert_frame",
        "output_codes",
        "filled in: code that is compiled and not to be compiled again",
    ),
    PrivateName(
        "torch._dynamo.types",
        "wrap_guarded_code",
        "called: a served version as dynamo returns what it compiled",
    ),
    PrivateName(
        "torch._dynamo.types",
        "GuardedCode",
        "called: bytecode with its guards",
    ),
    PrivateName(
        "torch._dynamo.cache_size",
        "exceeds_recompile_limit",
        "called: no more versions are served than torch would compile",
    ),
    PrivateName(
        "torch._dynamo.cache_size",
        "is_recompilation",
        "called: a version is not served where torch is to refuse to compile again",
    ),
    PrivateName(
        "torch._dynamo.distributed",
        "get_compile_pg",
        "called: where ranks compile together, nothing is served",
    ),
    PrivateName(
        "torch._dynamo.eval_frame",
        "innermost_backend",
        "called: what a frame is compiled with",
    ),
    PrivateName(
        "torch",
        "_TorchCompileInductorWrapper",
        "compared with: of other backends nothing is saved",
    ),
    PrivateName(
        "torch",
        "_TorchCompileWrapper",
        "compared with: inductor, given as a function",
    ),
    PrivateName(
        "torch._dynamo.backends.distributed",
        "DDPOptimizer.compile_fn",
        "wrapped: cuts a graph under DistributedDataParallel, and has each piece compiled",
    ),
    PrivateName(
        "torch._guards",
        "TracingContext.try_get",
        "called: whether a piece of a graph that was cut is compiled",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.autograd_cache",
        "check_cacheable",
        "wrapped: pieces of a graph that was cut are saved, too",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.autograd_cache",
        "AOTAutogradCache._lookup",
        "wrapped: no such piece is found in torch's own cache",
    ),
    PrivateName(
        "torch._dynamo.backends.registry",
        "lookup_backend",
        "called: inductor as a function",
    ),
    PrivateName(
        "torch._dynamo.guards",
        "CheckFunctionManager.serialize_guards",
        "wrapped: the guards of a compiled frame, as they are saved",
    ),
    PrivateName(
        "torch._dynamo.guards",
        "GuardBuilder.add_python_lambda_leaf_guard_to_root",
        "wrapped: a served version's guards of Python code look at the globals of here",
    ),
    PrivateName(
        "torch._dynamo.guards",
        "GuardBuilder.get",
        "wrapped: a served version's guards of identity are made of the objects of here",
    ),
    PrivateName(
        "torch._dynamo.guards",
        "GuardsStatePickler.reducer_override",
        "wrapped: objects that are told in words do not travel themselves",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.utils",
        "saved_tensors_hooks_are_inlineable",
        "called: whether hooks of saved tensors are part of a graph",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.utils",
        "top_saved_tensors_hooks",
        "called: the hooks of saved tensors that are there",
    ),
    PrivateName(
        "torch._dynamo.guards",
        "_get_closure_vars",
        "called: the names that guarded expressions use",
    ),
    PrivateName(
        "torch._dynamo.guards",
        "_Missing",
        "called: stands for an object that does not travel",
    ),
    PrivateName(
        "torch._dynamo.output_graph",
        "OutputGraph.install_global_by_id",
        "wrapped: a module's global name is that of an import, and so the same in any process",
    ),
    PrivateName(
        "torch._dynamo.output_graph",
        "OutputGraph.bypass_package",
        "wrapped: dynamo's reason why a frame cannot be saved",
    ),
    PrivateName(
        "torch._dynamo.output_graph",
        "OutputGraphCommon",
        "called: saved guards, as torch builds a guard manager from them",
    ),
    PrivateName(
        "torch._dynamo.output_graph",
        "get_builtins_dict",
        "called: Python's builtins, under the name by which guards reach them",
    ),
    PrivateName(
        "torch._dynamo.variables.functions",
        "invoke_and_store_as_constant",
        "wrapped: what dynamo runs and keeps the result of is observed",
    ),
    PrivateName(
        "torch._dynamo.utils",
        "get_torch_function_mode_stack",
        "called: what the program has put around torch's functions, while a graph is unpickled",
    ),
    PrivateName(
        "torch._dynamo.utils",
        "set_torch_function_mode_stack",
        "called: what the program has put around torch's functions, while a graph is unpickled",
    ),
    PrivateName(
        "torch._dynamo.utils",
        "run_node",
        "wrapped: so is a function that is allowed in a graph",
    ),
    PrivateName(
        "torch._dynamo.symbolic_convert",
        "InliningInstructionTranslator.inline_call",
        "wrapped: environment variables that traced code reads",
    ),
    PrivateName(
        "torch._dynamo.variables.functions",
        "fn_var_getattr",
        "wrapped: functions whose annotations traced code reads, which torch does not guard",
        later=("fn_getattro_impl", "UserFunctionVariable.read_func_slot"),  # 2.14, 2.15
    ),
    PrivateName(
        "torch._dynamo.variables.builtin",
        "BuiltinVariable.call_isinstance",
        "wrapped: what traced code asks of classes, which torch takes for constant",
    ),
    PrivateName(
        "torch._dynamo.variables.builtin",
        "BuiltinVariable.call_issubclass",
        "wrapped: what traced code asks of classes, which torch takes for constant",
    ),
    PrivateName(
        "torch._dynamo.variables.builtin",
        "BuiltinVariable.call_hash",
        "wrapped: a hash or an id that a trace holds is of one process",
    ),
    PrivateName(
        "torch._dynamo.variables.builtin",
        "BuiltinVariable.call_id",
        "wrapped: a hash or an id that a trace holds is of one process",
    ),
    PrivateName(
        "torch._dynamo.variables.functions",
        "SkipFunctionVariable.call_function",
        "wrapped: what traced code asks of the modules and distributions that are installed",
    ),
    PrivateName(
        "torch.utils._contextlib",
        "_DecoratorContextManager",
        "read: whether a method is of what torch.no_grad() and its like put around functions",
    ),
    PrivateName(
        "torch._dynamo.variables.functions",
        "PolyfilledFunctionVariable.call_function",
        "wrapped: what traced code asks of the interpreter's limits",
    ),
    PrivateName(
        "torch._dynamo.side_effects",
        "SideEffects.track_new_user_defined_object",
        "wrapped: traced code makes an object whose end is seen",
    ),
    PrivateName(
        "torch._dynamo.variables.user_defined",
        "UserDefinedObjectVariable.var_getattr",
        "wrapped: what traced code reads of where a module lies",
        later=("UserDefinedObjectVariable.tp_getattro_impl",),  # 2.14
    ),
    PrivateName(
        "torch._dynamo.variables",
        "PolyfilledFunctionVariable._get_polyfill_handlers",
        "called: the functions that the program has traced in the place of others",
    ),
    PrivateName(
        "torch._dynamo.variables.torch",
        "BaseTorchVariable.can_constant_fold_through",
        "wrapped: what traced code asks of its process, its rank for one",
    ),
    PrivateName(
        "torch._dynamo.variables.builder",
        "VariableBuilder.__call__",
        "wrapped: what dynamo meets in a frame, and does not always guard",
    ),
    PrivateName(
        "torch._dynamo.variables.tensor",
        "TensorVariable.var_getattr",
        "wrapped: what a trace asks of a tensor, and torch does not always guard",
        later=("TensorVariable.tp_getattro_impl",),  # 2.14
    ),
    PrivateName(
        "torch._dynamo.variables.tensor",
        "UntypedStorageVariable.__init__",
        "wrapped: a trace asks for a tensor's storage, which torch does not guard",
    ),
    PrivateName(
        "torch._dynamo.variables.builtin",
        "BuiltinVariable.call_str",
        "wrapped: a text that Python makes of an object is in a trace",
    ),
    PrivateName(
        "torch._dynamo.variables.builtin",
        "BuiltinVariable.call_repr",
        "wrapped: a text that Python makes of an object is in a trace",
    ),
    PrivateName(
        "torch._dynamo.variables.builtin",
        "BuiltinVariable.call_dir",
        "wrapped: what it lists is in a trace, and not guarded",
    ),
    PrivateName(
        "torch._dynamo.variables.builtin",
        "BuiltinVariable.call_getitem",
        "wrapped: Python runs what a class of the program's does for it",
    ),
    PrivateName(
        "torch._dynamo.variables.builtin",
        "BuiltinVariable.call_function",
        "wrapped: the order of a set is in a trace, which torch does not guard",
    ),
    PrivateName(
        "torch._dynamo.variables.builtin",
        "BuiltinVariable.call_sorted",
        "wrapped: here no order comes of a set's",
    ),
    PrivateName(
        "torch._dynamo.variables.builtin",
        "BuiltinVariable.call_set",
        "wrapped: here no order comes of a set's",
    ),
    PrivateName(
        "torch._dynamo.variables.builtin",
        "BuiltinVariable.call_frozenset",
        "wrapped: here no order comes of a set's",
    ),
    PrivateName(
        "torch._dynamo.variables.sets",
        "SetVariable.tp_iter_impl",
        "wrapped: the order of a set is in a trace, which torch does not guard",
    ),
    PrivateName(
        "torch._dynamo.variables.sets",
        "SetVariable.unpack_var_sequence",
        "wrapped: the order of a set is in a trace, which torch does not guard",
    ),
    PrivateName(
        "torch._dynamo.variables.sets",
        "SetVariable.repr_impl",
        "wrapped: the order of a set is in a trace, which torch does not guard",
        later=("SetVariable.tp_repr_impl",),  # 2.14
    ),
    PrivateName(
        "torch._dynamo.variables.sets",
        "SetVariable.call_method",
        "wrapped: the order of a set is in a trace, which torch does not guard",
    ),
    PrivateName(
        "torch._dynamo.variables.lists",
        "ListVariable.call_method",
        "wrapped: the order of a set is in a trace, which torch does not guard",
    ),
    PrivateName(
        "torch._dynamo.variables.constant",
        "ConstantVariable.call_method",
        "wrapped: the order of a set is in a trace, which torch does not guard",
    ),
    PrivateName(
        "torch._dynamo.symbolic_convert",
        "InstructionTranslatorBase.load_builtin_from_argval",
        "wrapped: a name that a module lacks is looked for in vain, which torch does not guard",
    ),
    PrivateName(
        "torch._dynamo.variables.misc",
        "PythonModuleVariable.var_getattr",
        "wrapped: a name that a module lacks is looked for in vain, which torch does not guard",
        later=("PythonModuleVariable.tp_getattro_impl",),  # 2.14
    ),
    PrivateName(
        "torch._dynamo.source",
        "NonSerializableSetGetItemSource",
        "read: an object's place in a set is of one process",
    ),
    PrivateName(
        "torch._dynamo.source",
        "SkipGuardSource",
        "read: where torch guards nothing",
    ),
    PrivateName(
        "torch._dynamo.source",
        "TorchFunctionModeStackSource",
        "read: torch guards that stack as a whole, and a mode's attributes by what is there",
    ),
    PrivateName(
        "torch._dynamo.package",
        "SerializedCode",
        "called: bytecode as it is pickled",
    ),
    PrivateName(
        "torch._dynamo.pgo",
        "get_code_state",
        "called: the sizes seen, from which dynamo learns what is dynamic",
    ),
    PrivateName(
        "torch._dynamo.pgo",
        "CodeId.make",
        "called: finds a frame's sizes",
    ),
    PrivateName(
        "torch._dynamo.precompile_context",
        "PrecompileContext.record_artifact",
        "wrapped: each compiled graph that is bundled passes here",
    ),
    PrivateName(
        "torch._dynamo.bytecode_transformation",
        "_unique_id_counter",
        "replaced: names that saved code uses are numbered from it",
    ),
    PrivateName(
        "torch._guards",
        "TracingContext",
        "called: sources of guards are unpickled in a trace of their own",
    ),
    PrivateName(
        "torch._guards",
        "tracing",
        "called: sources of guards are unpickled in a trace of their own",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.autograd_cache",
        "should_bundle_autograd_cache",
        "wrapped: graphs are bundled while the mode is on",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.autograd_cache",
        "AOTAutogradCachePickler._reduce_aot_config",
        "wrapped: that key holds no random number",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.autograd_cache",
        "sanitize_gm_for_cache",
        "wrapped: a graph's key is the one that it has without the mode",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.graph_compile",
        "_cache_autograd_info",
        "wrapped: a graph that is kept with its backward waits for it",
    ),
    PrivateName(
        "torch._dynamo.compiled_autograd",
        "in_compiled_autograd_region",
        "read: whether a frame is what it made of a backward",
    ),
    PrivateName(
        "torch._dynamo.compiled_autograd",
        "extract_bw_module",
        "wrapped: the backward of such a graph becomes part of another",
    ),
    PrivateName(
        "torch._inductor.compile_fx",
        "get_cpp_wrapper_config",
        "called: settings that follow from others, for a graph that is loaded",
    ),
    PrivateName(
        "torch._inductor.compile_fx",
        "_compile_fx_inner",
        "wrapped: a graph that calls nothing is compiled as any other",
    ),
    PrivateName(
        "torch._dynamo.utils",
        "count_calls",
        "wrapped: what inductor asks before it makes a plain function of a graph",
    ),
    PrivateName(
        "torch._dynamo.trace_rules",
        "_maybe_init_lazy_module",
        "called: what torch does before it traces the first code of a library",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.runtime_wrappers",
        "AOTDispatchAutograd.post_compile",
        "wrapped: a backward from a cache may be called to keep its graph",
    ),
    PrivateName(
        "torch._C._autograd",
        "_get_current_graph_task_keep_graph",
        "called: whether a backward keeps its graph",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.aot_autograd_result",
        "AOTAutogradResult",
        "compared with: a graph that is not bundled",
    ),
    PrivateName(
        "torch._functorch._aot_autograd.aot_autograd_result",
        "BundledAOTAutogradCacheArtifact",
        "called: makes a bundled graph callable",
    ),
)

# What is read of a call of convert_frame._compile.
FRAME_ARGUMENTS = (
    *("code", "globals", "locals", "closure", "compiler_fn", "one_graph", "export", "hooks"),
    *("cache_entries", "cache_size", "compile_id"),
)


def check_precompile() -> None:
    """`check` for the automatic mode.

    Raises:
        UnsupportedTorchError: it is another release than those that are known, a name is
            missing, or a tool has put a function of other arguments in the frame compiler's
            place; the text names the first.
    """
    import torch

    if ".".join(torch.__version__.split(".")[:2]) not in PRECOMPILE_RELEASES:
        known = f"{', '.join(PRECOMPILE_RELEASES[:-1])} and {PRECOMPILE_RELEASES[-1]}"
        raise UnsupportedTorchError.of(f"the guards of {known} are known")
    _check(NAMES + PRECOMPILE_NAMES)
    from torch._dynamo import convert_frame

    arguments = inspect.signature(convert_frame._compile).parameters
    for name in FRAME_ARGUMENTS:
        if name not in arguments:
            where = "what stands in the place of torch._dynamo.convert_frame._compile"
            raise UnsupportedTorchError.of(f"{where} takes no {name}")


def check() -> None:
    """Import what is used of torch and look each name up.

    Raises:
        UnsupportedTorchError: a name is missing; the text names the first.
    """
    _check(NAMES)


def _check(names: tuple[PrivateName, ...]) -> None:
    for private in names:
        if not _is_there(private):
            raise UnsupportedTorchError.of(f"it has no {private.module}.{private.name}")


def _is_there(private: PrivateName) -> bool:
    try:
        module = importlib.import_module(private.module)
    except ModuleNotFoundError:
        return False
    return any(_of(module, name) is not None for name in (private.name, *private.later))


def _of(module: object, name: str) -> object:
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
