"""Small programs for torch.compile, and an edit of each: what holds a number, times what reads it.

A program is two modules. The library holds a number in one of the language's ways; the
program reads it by an expression from one of the places that a compile reaches. After the
edit, the number is another one, or what is done with it. `step` is compiled and takes a matrix.
"""

import random
import re
from dataclasses import dataclass

_CONFIG = "class Config:\n    def __init__(self, n):\n        self.n = n\n\n"
_WRAPS = (
    "def times(n):\n    def decorate(function):\n        @functools.wraps(function)\n"
    "        def wrapper(*args):\n            return function(*args) * n\n"
    "        return wrapper\n    return decorate\n\n"
)

# What holds the number V: source of the library, and the expression that reads it there.
HOLDERS: dict[str, tuple[str, str]] = {
    "global": ("VALUE = V", "lib.VALUE"),
    "global that a function reads": ("VALUE = V\ndef get():\n    return VALUE", "lib.get()"),
    "global by globals()": ("VALUE = V\ndef get():\n    return globals()['VALUE']", "lib.get()"),
    "global by a computed name": ("VALUE = V", "getattr(lib, 'VAL' + 'UE')"),
    "global float": ("VALUE = V + 0.5", "lib.VALUE"),
    "global of the module's __getattr__": (
        "def __getattr__(name):\n    if name == 'VALUE':\n        return V\n"
        "    raise AttributeError(name)",
        "lib.VALUE",
    ),
    "code": ("def get():\n    return V", "lib.get()"),
    "code of a lambda": ("get = lambda: V", "lib.get()"),
    "code nested": (
        "def get():\n    def inner():\n        return V\n    return inner()",
        "lib.get()",
    ),
    "code behind a name": ("def one():\n    return V\nget = one", "lib.get()"),
    "code two calls away": (
        "def far():\n    return V\ndef near():\n    return far()\ndef get():\n    return near()",
        "lib.get()",
    ),
    "code that was executed": (
        "names = {}\nexec('def get():\\n    return V', names)\nget = names['get']",
        "lib.get()",
    ),
    "default": ("def get(n=V):\n    return n", "lib.get()"),
    "keyword default": ("def get(*, n=V):\n    return n", "lib.get()"),
    "default that is an object": (_CONFIG + "def get(c=Config(V)):\n    return c.n", "lib.get()"),
    "default that is a list": ("def get(n=[V]):\n    return n[0]", "lib.get()"),
    "default that is a function": (
        "def one():\n    return V\ndef get(f=one):\n    return f()",
        "lib.get()",
    ),
    "default of a lambda": ("get = lambda n=V: n", "lib.get()"),
    "default of __init__": (
        "class Box:\n    def __init__(self, n=V):\n        self.n = n",
        "lib.Box().n",
    ),
    "keyword default of __init__": (
        "class Box:\n    def __init__(self, *, n=V):\n        self.n = n",
        "lib.Box().n",
    ),
    "default of __init__ that is an object": (
        _CONFIG + "class Box:\n    def __init__(self, c=Config(V)):\n        self.c = c",
        "lib.Box().c.n",
    ),
    "default of __init__ that is a tuple": (
        "class Box:\n    def __init__(self, n=(V, 1)):\n        self.n = n",
        "lib.Box().n[0]",
    ),
    "default of a method": (
        "class Box:\n    def get(self, n=V):\n        return n",
        "lib.Box().get()",
    ),
    "default of a static method": (
        "class Box:\n    @staticmethod\n    def get(n=V):\n        return n",
        "lib.Box.get()",
    ),
    "default of a class method": (
        "class Box:\n    @classmethod\n    def get(cls, n=V):\n        return n",
        "lib.Box.get()",
    ),
    "default of __new__": (
        "class Box:\n    def __new__(cls, n=V):\n        self = object.__new__(cls)\n"
        "        self.n = n\n        return self",
        "lib.Box().n",
    ),
    "default of __call__": (
        "class Box:\n    def __call__(self, n=V):\n        return n",
        "lib.Box()()",
    ),
    "code of __init__": ("class Box:\n    def __init__(self):\n        self.n = V", "lib.Box().n"),
    "code of a method": ("class Box:\n    def get(self):\n        return V", "lib.Box().get()"),
    "code of a static method": (
        "class Box:\n    @staticmethod\n    def get():\n        return V",
        "lib.Box.get()",
    ),
    "code of a property": (
        "class Box:\n    @property\n    def n(self):\n        return V",
        "lib.Box().n",
    ),
    "code of a cached property": (
        "class Box:\n    @functools.cached_property\n    def n(self):\n        return V",
        "lib.Box().n",
    ),
    "code of an inherited method": (
        "class Base:\n    def get(self):\n        return V\nclass Box(Base):\n    pass",
        "lib.Box().get()",
    ),
    "code behind super": (
        "class Base:\n    def get(self):\n        return V\n"
        "class Box(Base):\n    def get(self):\n        return super().get()",
        "lib.Box().get()",
    ),
    "class attribute": ("class Box:\n    n = V", "lib.Box.n"),
    "class attribute of an object": ("class Box:\n    n = V", "lib.Box().n"),
    "class attribute of a base": (
        "class Base:\n    n = V\nclass Box(Base):\n    pass",
        "lib.Box().n",
    ),
    "class attribute that is an object": (
        _CONFIG + "class Box:\n    c = Config(V)",
        "lib.Box().c.n",
    ),
    "class attribute that is a list": ("class Box:\n    n = [V]", "lib.Box().n[0]"),
    "class attribute that is a dict": ("class Box:\n    n = {'n': V}", "lib.Box().n['n']"),
    "class attribute that a method reads": (
        "class Box:\n    n = V\n    def get(self):\n        return self.n",
        "lib.Box().get()",
    ),
    "class attribute by a computed name": (
        "class Box:\n    n1 = V\n    def get(self, i=1):\n        return getattr(self, f'n{i}')",
        "lib.Box().get()",
    ),
    "class made by type()": ("Box = type('Box', (), {'n': V})", "lib.Box.n"),
    "class made by a function": (
        "def make(n):\n    class Box:\n        def get(self):\n            return n\n"
        "    return Box\nBox = make(V)",
        "lib.Box().get()",
    ),
    "class of a function, with a default": (
        "def make(k):\n    class Box:\n        def get(self, n=k):\n            return n\n"
        "    return Box\nBox = make(V)",
        "lib.Box().get()",
    ),
    "property closed over": (
        "def make(n):\n    class Box:\n        @property\n        def n(self):\n"
        "            return n\n    return Box\nBox = make(V)",
        "lib.Box().n",
    ),
    "static method closed over": (
        "def make(n):\n    class Box:\n        @staticmethod\n        def get():\n"
        "            return n\n    return Box\nBox = make(V)",
        "lib.Box().get()",
    ),
    "__init__ closed over": (
        "def make(n):\n    class Box:\n        def __init__(self):\n            self.n = n\n"
        "    return Box\nBox = make([V])",
        "lib.Box().n[0]",
    ),
    "base that is made by a function": (
        "def make(n):\n    class Base:\n        def get(self):\n            return n\n"
        "    return Base\nclass Box(make(V)):\n    pass",
        "lib.Box().get()",
    ),
    "attribute of a method": (
        "class Box:\n    def get(self):\n        return Box.get.n\nBox.get.n = V",
        "lib.Box().get()",
    ),
    "default of a property": (
        "def get(self, n=V):\n    return n\nclass Box:\n    n = property(get)",
        "lib.Box().n",
    ),
    "default of a method, an object": (
        _CONFIG + "class Box:\n    def get(self, c=Config(V)):\n        return c.n",
        "lib.Box().get()",
    ),
    "descriptor": (
        "class Field:\n    def __init__(self, n):\n        self.n = n\n"
        "    def __get__(self, owner, cls):\n        return self.n\nclass Box:\n    n = Field(V)",
        "lib.Box().n",
    ),
    "descriptor's code": (
        "class Field:\n    def __get__(self, owner, cls):\n        return V\n"
        "class Box:\n    n = Field()",
        "lib.Box().n",
    ),
    "metaclass attribute": (
        "class Meta(type):\n    n = V\nclass Box(metaclass=Meta):\n    pass",
        "lib.Box.n",
    ),
    "metaclass method": (
        "class Meta(type):\n    def get(cls, n=V):\n        return n\n"
        "class Box(metaclass=Meta):\n    pass",
        "lib.Box.get()",
    ),
    "__init_subclass__": (
        "class Base:\n    def __init_subclass__(cls):\n        cls.n = V\n"
        "class Box(Base):\n    pass",
        "lib.Box.n",
    ),
    "slots": (
        "class Box:\n    __slots__ = ('n',)\n    def __init__(self, n=V):\n        self.n = n",
        "lib.Box().n",
    ),
    "object with slots": (
        "class Box:\n    __slots__ = ('n',)\nbox = Box()\nbox.n = V",
        "lib.box.n",
    ),
    "dataclass default": (
        "@dataclasses.dataclass\nclass Box:\n    n: int = V",
        "lib.Box().n",
    ),
    "dataclass default factory": (
        "@dataclasses.dataclass\nclass Box:\n"
        "    n: list = dataclasses.field(default_factory=lambda: [V])",
        "lib.Box().n[0]",
    ),
    "dataclass default that is an object": (
        "@dataclasses.dataclass(frozen=True)\nclass In:\n    n: int = 1\n"
        "@dataclasses.dataclass\nclass Box:\n    c: In = In(V)",
        "lib.Box().c.n",
    ),
    "dataclass __post_init__": (
        "@dataclasses.dataclass\nclass Box:\n    n: int = 0\n"
        "    def __post_init__(self):\n        self.n = V",
        "lib.Box().n",
    ),
    "dataclass object": (
        "@dataclasses.dataclass\nclass Box:\n    n: int\nbox = Box(V)",
        "lib.box.n",
    ),
    "named tuple default": (
        "class Box(typing.NamedTuple):\n    n: int = V",
        "lib.Box().n",
    ),
    "enum value": ("class Box(enum.Enum):\n    A = V", "lib.Box.A.value"),
    "int enum": ("class Box(enum.IntEnum):\n    A = V", "int(lib.Box.A)"),
    "enum method": (
        "class Box(enum.Enum):\n    A = 1\n    def get(self):\n        return V",
        "lib.Box.A.get()",
    ),
    "enum of objects": (
        _CONFIG + "class Box(enum.Enum):\n    A = Config(V)",
        "lib.Box.A.value.n",
    ),
    "closure": (
        "def make(n):\n    def get():\n        return n\n    return get\nget = make(V)",
        "lib.get()",
    ),
    "closure over an object": (
        _CONFIG + "def make(c):\n    def get():\n        return c.n\n    return get\n"
        "get = make(Config(V))",
        "lib.get()",
    ),
    "closure over a function": (
        "def one():\n    return V\ndef make(f):\n    def get():\n        return f()\n"
        "    return get\nget = make(one)",
        "lib.get()",
    ),
    "decorator's state": ("@times(V)\ndef get():\n    return 1", "lib.get()"),
    "decorated function": ("@times(1)\ndef get():\n    return V", "lib.get()"),
    "decorated default": ("@times(1)\ndef get(n=V):\n    return n", "lib.get()"),
    "decorated method": (
        "class Box:\n    @times(V)\n    def get(self):\n        return 1",
        "lib.Box().get()",
    ),
    "__wrapped__": ("@times(1)\ndef get():\n    return V", "lib.get.__wrapped__()"),
    "function attribute": ("def get():\n    return get.n\nget.n = V", "lib.get()"),
    "partial": ("def one(n):\n    return n\nget = functools.partial(one, V)", "lib.get()"),
    "partial keyword": (
        "def one(n):\n    return n\nget = functools.partial(one, n=V)",
        "lib.get()",
    ),
    "partial method": (
        "class Box:\n    def one(self, n):\n        return n\n"
        "    get = functools.partialmethod(one, V)",
        "lib.Box().get()",
    ),
    "cached function": ("@functools.lru_cache\ndef get():\n    return V", "lib.get()"),
    "cached function that was called": (
        "@functools.lru_cache\ndef get():\n    return V\nget()",
        "lib.get()",
    ),
    "single dispatch": (
        "@functools.singledispatch\ndef get(x):\n    return 0\n"
        "@get.register\ndef _(x: int):\n    return V",
        "lib.get(1)",
    ),
    "dict": ("VALUES = {'n': V}", "lib.VALUES['n']"),
    "nested containers": ("VALUES = {'a': [(1, {'n': V})]}", "lib.VALUES['a'][0][1]['n']"),
    "dict of functions": ("def one():\n    return V\nTABLE = {'n': one}", "lib.TABLE['n']()"),
    "dict that is iterated": ("VALUES = {'a': 1, 'b': V}", "sum(v for v in lib.VALUES.values())"),
    "set": ("VALUES = {1, 10 * V}", "max(lib.VALUES)"),
    "text": ("VALUE = 'x' * V", "len(lib.VALUE)"),
    "range": ("VALUE = range(V)", "len(lib.VALUE)"),
    "default dict": (
        "VALUES = collections.defaultdict(lambda: V)",
        "lib.VALUES['n']",
    ),
    "deque": ("VALUES = collections.deque([V])", "lib.VALUES[0]"),
    "namespace": ("box = types.SimpleNamespace(n=V)", "lib.box.n"),
    "mapping proxy": ("VALUES = types.MappingProxyType({'n': V})", "lib.VALUES['n']"),
    "object": (_CONFIG + "box = Config(V)", "lib.box.n"),
    "object in an object": (_CONFIG + "box = Config(Config(V))", "lib.box.n.n"),
    "callable object": (
        "class Box:\n    def __init__(self, n):\n        self.n = n\n"
        "    def __call__(self):\n        return self.n\nget = Box(V)",
        "lib.get()",
    ),
    "bound method": (
        "class Box:\n    def __init__(self, n):\n        self.n = n\n"
        "    def one(self):\n        return self.n\nget = Box(V).one",
        "lib.get()",
    ),
    "object's __getattr__": (
        "class Box:\n    def __getattr__(self, name):\n        return V\nbox = Box()",
        "lib.box.n",
    ),
    "object's __getitem__": (
        "class Box:\n    def __getitem__(self, key, n=V):\n        return n\nbox = Box()",
        "lib.box[0]",
    ),
    "object's __len__": (
        "class Box:\n    def __len__(self):\n        return V\nbox = Box()",
        "len(lib.box)",
    ),
    "object's __bool__": (
        "class Box:\n    def __bool__(self):\n        return V == 2\nbox = Box()",
        "(2 if lib.box else 3)",
    ),
    "object's __eq__": (
        "class Box:\n    def __eq__(self, other):\n        return V == 2\n"
        "    __hash__ = None\nbox = Box()",
        "(2 if lib.box == 1 else 3)",
    ),
    "object's __iter__": (
        "class Box:\n    def __iter__(self):\n        yield V\nbox = Box()",
        "sum(lib.box)",
    ),
    "object's __contains__": (
        "class Box:\n    def __contains__(self, n):\n        return n == V\nbox = Box()",
        "(2 if 2 in lib.box else 3)",
    ),
    "object's __add__": (
        "class Box:\n    def __add__(self, n):\n        return n + V\nbox = Box()",
        "(lib.box + 0)",
    ),
    "context manager": (
        "class Box:\n    def __enter__(self):\n        return V\n"
        "    def __exit__(self, *args):\n        return False\n"
        "def get():\n    with Box() as n:\n        return n",
        "lib.get()",
    ),
    "generator": ("def get():\n    yield V", "sum(lib.get())"),
    "comprehension": ("def get():\n    return sum([n for n in (V, 0)])", "lib.get()"),
    "subclass check": (
        "class Meta(type):\n    def __instancecheck__(cls, other):\n        return V == 2\n"
        "class Box(metaclass=Meta):\n    pass",
        "(2 if isinstance(1, lib.Box) else 3)",
    ),
    "base class of an object": (
        "class One:\n    pass\nclass Two:\n    pass\nclass Box((One, Two)[V - 2]):\n    pass",
        "(2 if issubclass(lib.Box, lib.One) else 3)",
    ),
    "attribute that is there": (
        "class Box:\n    pass\nif V == 3:\n    Box.flag = 1",
        "(3 if hasattr(lib.Box, 'flag') else 2)",
    ),
    "name that is there": (
        "if V == 3:\n    FLAG = 1\ndef get():\n    try:\n        return 2 + FLAG\n"
        "    except NameError:\n        return 2",
        "lib.get()",
    ),
    "attribute getter": (
        _CONFIG + "box = Config(V)\nread = operator.attrgetter('n')",
        "lib.read(lib.box)",
    ),
    "weak reference": (_CONFIG + "box = Config(V)\nref = weakref.ref(box)", "lib.ref().n"),
    "context variable": ("VALUE = contextvars.ContextVar('v', default=V)", "lib.VALUE.get()"),
    "context variable that is set": (
        "VALUE = contextvars.ContextVar('v')\nVALUE.set(V)",
        "lib.VALUE.get()",
    ),
    "context variable that holds an object": (
        _CONFIG + "VALUE = contextvars.ContextVar('v', default=Config(V))",
        "lib.VALUE.get().n",
    ),
    "context variable of an object": (
        "class Box:\n    def __init__(self):\n        self.n = 1\n"
        "        self.v = contextvars.ContextVar('v', default=V)\nbox = Box()",
        "(lib.box.n * lib.box.v.get())",
    ),
    "context variable that a method reads": (
        "class Box:\n    def __init__(self):\n"
        "        self.v = contextvars.ContextVar('v', default=V)\n"
        "    def get(self):\n        return self.v.get()\nbox = Box()",
        "lib.box.get()",
    ),
    "object that holds a lock": (
        "class Box:\n    def __init__(self, n):\n        self.lock = threading.Lock()\n"
        "        self.n = n\nbox = Box(V)",
        "lib.box.n",
    ),
    "object that a lock guards": (
        "class Box:\n    def __init__(self, n):\n        self.lock = threading.Lock()\n"
        "        self.n = n\n    def get(self):\n        with self.lock:\n"
        "            return self.n\nbox = Box(V)",
        "lib.box.get()",
    ),
    "generator that stands there": (
        "class Box:\n    def __init__(self, n):\n        self.g = (n for _ in range(9))\n"
        "    def get(self):\n        return next(self.g)\nbox = Box(V)",
        "lib.box.get()",
    ),
    "generator's context manager": (
        "@contextlib.contextmanager\ndef at():\n    yield V\n"
        "def get():\n    with at() as n:\n        return n",
        "lib.get()",
    ),
    "generator's context manager, its argument": (
        "@contextlib.contextmanager\ndef at(n):\n    yield n\n"
        "def get():\n    with at(V) as n:\n        return n",
        "lib.get()",
    ),
    "generator's context manager that decorates": (
        "held = [1]\n@contextlib.contextmanager\ndef at(n):\n    held.append(n)\n"
        "    try:\n        yield\n    finally:\n        held.pop()\n"
        "@at(V)\ndef get():\n    return held[-1]",
        "lib.get()",
    ),
    "generator's context manager that decorates, its code": (
        "held = [1]\n@contextlib.contextmanager\ndef at():\n    held.append(V)\n"
        "    try:\n        yield\n    finally:\n        held.pop()\n"
        "@at()\ndef get():\n    return held[-1]",
        "lib.get()",
    ),
    "generator's context manager that decorates a method": (
        "held = [1]\n@contextlib.contextmanager\ndef at(n):\n    held.append(n)\n"
        "    try:\n        yield\n    finally:\n        held.pop()\n"
        "class Box:\n    @at(V)\n    def get(self):\n        return held[-1]",
        "lib.Box().get()",
    ),
    "type of a tensor": (
        "TYPE = (torch.Tensor, torch.nn.Parameter)[V - 2]",
        "(2 if type(torch.zeros(1)) is lib.TYPE else 3)",
    ),
    "type of an object": (
        "class One:\n    pass\nclass Two:\n    pass\nbox = (One, Two)[V - 2]()",
        "(2 if type(lib.box) is lib.One else 3)",
    ),
    "name of a type": (
        "class Xx:\n    pass\nclass Xxx:\n    pass\nbox = (Xx, Xxx)[V - 2]()",
        "len(type(lib.box).__name__)",
    ),
    "type that is a key": (
        "VALUES = {torch.Tensor: V}",
        "lib.VALUES[type(torch.zeros(1))]",
    ),
    "array of numpy": ("VALUE = numpy.array([V])", "int(lib.VALUE[0])"),
    "tensor's size": ("VALUE = torch.zeros(V)", "lib.VALUE.shape[0]"),
    "module object's attribute": (
        "class Net(torch.nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
        "        self.n = n\nnet = Net(V)",
        "lib.net.n",
    ),
    "environment": ("os.environ['NAME'] = 'V'", "int(os.environ['NAME'])"),
    "environment by get": ("os.environ['NAME'] = 'V'", "int(os.environ.get('NAME', '1'))"),
    "environment by getenv": ("os.environ['NAME'] = 'V'", "int(os.getenv('NAME', '1'))"),
    "name in the environment": (
        "os.environ.pop('NAME', '')\nif V == 3:\n    os.environ['NAME'] = ''",
        "(3 if 'NAME' in os.environ else 2)",
    ),
    "annotation of a function": (
        "def get(n: V):\n    return n",
        "lib.get.__annotations__['n']",
    ),
    "annotation of a wrapped function": (
        "def plain(n: V):\n    return n\n\n"
        "@functools.wraps(plain)\ndef get(*args):\n    return plain(*args)",
        "lib.get.__annotations__['n']",
    ),
    "annotation of a method": (
        "class Box:\n    def get(self, n: V):\n        return n",
        "lib.Box.get.__annotations__['n']",
    ),
    "annotation of a class": ("class Box:\n    n: V", "lib.Box.__annotations__['n']"),
    "class in an annotation": (
        "class Box:\n    n = [V]\ndef get(b: Box):\n    return b",
        "lib.get.__annotations__['b'].n[0]",
    ),
    "default in a class in an annotation": (
        "class Box:\n    def get(self, n=V):\n        return n\ndef get(b: Box):\n    return b",
        "lib.get.__annotations__['b'].get.__defaults__[0]",
    ),
    "bound of a type variable": (
        "T = typing.TypeVar('T', bound={2: int, 3: str}[V])",
        "{int: 2, str: 3}[lib.T.__bound__]",
    ),
    "type of a new type": (
        "T = typing.NewType('T', {2: int, 3: str}[V])",
        "{int: 2, str: 3}[lib.T.__supertype__]",
    ),
    "metadata of an annotation": (
        _CONFIG + "A = typing.Annotated[int, Config(V)]",
        "lib.A.__metadata__[0].n",
    ),
    "attribute of a function": ("def get():\n    return 0\nget.n = V", "lib.get.n"),
    "default of a function that is not called": (
        "def get(n=V):\n    return 0",
        "lib.get.__defaults__[0]",
    ),
    "version of a module": ("__version__ = V", "lib.__version__"),
    "text of a function": (
        "def get():\n    return 0\nget.__doc__ = 'x' * V",
        "len(lib.get.__doc__)",
    ),
}

_MIX = "def mix(x, n):\n    return torch.addmm(x, x, x, beta=n)\n\n"
_OPERATOR = (
    "@torch.library.custom_op('NAME::op', mutates_args=())\n"
    "def op(x: torch.Tensor) -> torch.Tensor:\n    return x.clone()\n\n"
    "@op.register_fake\ndef _(x):\n    return torch.empty_like(x)\n\n"
)

# From where it is read: source of the program, where READ stands for the expression.
REACHES: dict[str, str] = {
    "frame": "def step(x):\n    return mix(x, READ)",
    "helper": "def helper():\n    return READ\n\ndef step(x):\n    return mix(x, helper())",
    "object made inside": (
        "class Inside:\n    def __init__(self):\n        self.k = READ\n\n"
        "def step(x):\n    return mix(x, Inside().k)"
    ),
    "default": "def helper(x, n=READ):\n    return mix(x, n)\n\ndef step(x):\n    return helper(x)",
    "closure": (
        "def make(k):\n    def inner(x):\n        return mix(x, k)\n    return inner\n\n"
        "step = make(READ)"
    ),
    "module's forward": (
        "class Net(torch.nn.Module):\n    def forward(self, x):\n        return mix(x, READ)\n\n"
        "step = Net()"
    ),
    "module's attribute": (
        "class Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.n = READ\n    def forward(self, x):\n        return mix(x, self.n)\n\n"
        "step = Net()"
    ),
    "forward hook": (
        "step = torch.nn.Identity()\n"
        "step.register_forward_hook(lambda module, inputs, x: mix(x, READ))"
    ),
    "behind a graph break": (
        "def step(x):\n    y = x @ x\n    torch._dynamo.graph_break()\n    return mix(y, READ)"
    ),
    "disabled function": (
        "@torch.compiler.disable\ndef helper(x):\n    return mix(x, READ)\n\n"
        "def step(x):\n    return helper(x @ x) @ x"
    ),
    "constant result": (
        "@torch.compiler.assume_constant_result\ndef helper():\n    return READ\n\n"
        "def step(x):\n    return mix(x, helper())"
    ),
    "constant result of a method": (
        "class Box:\n    def __init__(self):\n        self.n = READ\n"
        "    @torch.compiler.assume_constant_result\n    def get(self):\n        return self.n\n\n"
        "box = Box()\n\ndef step(x):\n    return mix(x, box.get())"
    ),
    "constant result of a module's method": (
        "class Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.n = READ\n"
        "    @torch.compiler.assume_constant_result\n    def get(self):\n        return self.n\n"
        "    def forward(self, x):\n        return mix(x, self.get())\n\n"
        "step = Net()"
    ),
    "allowed in graph": (
        "@torch.compiler.allow_in_graph\ndef helper(x):\n    return mix(x, READ)\n\n"
        "def step(x):\n    return helper(x)"
    ),
    "allowed in graph, in a checkpoint": (
        "@torch.compiler.allow_in_graph\ndef helper(x):\n    return mix(x, READ)\n\n"
        "def step(x):\n"
        "    return torch.utils.checkpoint.checkpoint(helper, x, use_reentrant=False)\n\n"
        "GRADIENT = True"
    ),
    "not traced strictly": (
        "@torch._dynamo.nonstrict_trace\ndef helper(x):\n    return mix(x, READ)\n\n"
        "def step(x):\n    return helper(x)"
    ),
    "gradient": (
        "class Mix(torch.autograd.Function):\n    @staticmethod\n"
        "    def forward(ctx, x):\n        return x.clone()\n    @staticmethod\n"
        "    def backward(ctx, g):\n        return mix(g, READ)\n\n"
        "def step(x):\n    return Mix.apply(x)\n\nGRADIENT = True"
    ),
    "hook of a gradient": (
        "def step(x):\n    y = x @ x\n    y.register_hook(lambda g: mix(g, READ))\n    return y\n\n"
        "GRADIENT = True"
    ),
    "operator's gradient": (
        _OPERATOR + "def backward(ctx, g):\n    return mix(g, READ)\n\n"
        "op.register_autograd(backward)\n\ndef step(x):\n    return op(x)\n\nGRADIENT = True"
    ),
    "operator's gradient, in a checkpoint": (
        _OPERATOR + "def backward(ctx, g):\n    return mix(g, READ)\n\n"
        "op.register_autograd(backward)\n\ndef step(x):\n"
        "    return torch.utils.checkpoint.checkpoint(op, x, use_reentrant=False)\n\n"
        "GRADIENT = True"
    ),
    "operator's fake": (
        "@torch.library.custom_op('NAME::op', mutates_args=())\n"
        "def op(x: torch.Tensor) -> torch.Tensor:\n    return x[: int(READ)].clone()\n\n"
        "@op.register_fake\ndef _(x):\n    return x.new_empty(int(READ), x.shape[1])\n\n"
        "def step(x):\n    return op(x) @ x"
    ),
    "operator's setup": (
        _OPERATOR + "def setup(ctx, inputs, output):\n    ctx.n = READ\n\n"
        "def backward(ctx, g):\n    return mix(g, ctx.n)\n\n"
        "op.register_autograd(backward, setup_context=setup)\n\n"
        "def step(x):\n    return op(x)\n\nGRADIENT = True"
    ),
    "operator of a library, decomposed": (
        "library = torch.library.Library('NAME', 'DEF')\n"
        "library.define('op(Tensor x) -> Tensor')\n\n"
        "def kernel(x):\n    return mix(x, READ)\n\n"
        "library.impl('op', kernel, 'CompositeImplicitAutograd')\n\n"
        "def step(x):\n    return torch.ops.NAME.op(x)"
    ),
    "operator of a library, its gradient": (
        "library = torch.library.Library('NAME', 'DEF')\nlibrary.define('op(Tensor x) -> Tensor')\n"
        "library.impl('op', lambda x: x.clone(), 'CPU')\n\n"
        "torch.library.register_fake('NAME::op', lambda x: torch.empty_like(x))\n"
        "torch.library.register_autograd('NAME::op', lambda ctx, g: mix(g, READ))\n\n"
        "def step(x):\n    return torch.ops.NAME.op(x)\n\nGRADIENT = True"
    ),
    "operator registered in a function": (
        _OPERATOR + "def register(k):\n    def backward(ctx, g):\n        return mix(g, k)\n"
        "    op.register_autograd(backward)\n\nregister(READ)\n\n"
        "def step(x):\n    return op(x)\n\nGRADIENT = True"
    ),
    "decorated by another module": (
        "@lib.times(READ)\ndef helper(x):\n    return mix(x, 1)\n\n"
        "def step(x):\n    return helper(x)"
    ),
    "decorated twice by another module": (
        "@lib.times(1)\n@lib.times(READ)\ndef helper(x):\n    return mix(x, 1)\n\n"
        "def step(x):\n    return helper(x)"
    ),
    "method that another module decorated": (
        "class Net(torch.nn.Module):\n    @lib.times(READ)\n    def forward(self, x):\n"
        "        return mix(x, 1)\n\nstep = Net()"
    ),
    "method of an object that another module decorated": (
        "class Box:\n    @lib.times(READ)\n    def get(self):\n        return 1\n\n"
        "box = Box()\n\ndef step(x):\n    return mix(x, box.get())"
    ),
    "method that another module decorated, run": (
        "class Box:\n    @lib.times(READ)\n    def get(self):\n        return 1\n\n"
        "@torch.compiler.assume_constant_result\ndef helper():\n    return Box().get()\n\n"
        "def step(x):\n    return mix(x, helper())"
    ),
    "code in a method that another module decorated": (
        "class Net(torch.nn.Module):\n    @lib.times(1)\n    def forward(self, x):\n"
        "        return mix(x, READ)\n\nstep = Net()"
    ),
    "abstract class's hook": (
        "class Abstract(abc.ABC):\n    @classmethod\n"
        "    def __subclasshook__(cls, other):\n        return READ > 2\n\n"
        "class Box:\n    pass\n\nbox = Box()\n\n"
        "def step(x):\n    return mix(x, 3 if isinstance(box, Abstract) else 2)"
    ),
    "registered with an abstract class": (
        "class Abstract(abc.ABC):\n    pass\n\nclass Box:\n    pass\n\n"
        "if READ > 2:\n    Abstract.register(Box)\n\n"
        "def step(x):\n    return mix(x, 3 if issubclass(Box, (int, Abstract)) else 2)"
    ),
    "registered with an abstract class, run": (
        "class Abstract(abc.ABC):\n    pass\n\nclass Box:\n    pass\n\n"
        "if READ > 2:\n    Abstract.register(Box)\n\n"
        "@torch.compiler.assume_constant_result\n"
        "def helper():\n    return 3 if isinstance(Box(), Abstract) else 2\n\n"
        "def step(x):\n    return mix(x, helper())"
    ),
    "metaclass's check of an object": (
        "class Meta(type):\n    def __instancecheck__(cls, other):\n        return other.n > 2\n\n"
        "class Kind(metaclass=Meta):\n    pass\n\n"
        "class Box:\n    def __init__(self):\n        self.n = READ\n\nbox = Box()\n\n"
        "def step(x):\n    return mix(x, 3 if isinstance(box, Kind) else 2)"
    ),
    "frame that asks for a type": (
        "def step(x):\n    return mix(x, READ if type(x) is torch.Tensor else 1)"
    ),
    "sizes of any length": (
        "def step(x):\n    n = READ\n    return mix(x, n) if x.shape[0] > n else x\n\n"
        "DYNAMIC = True"
    ),
    "mode of torch functions": (
        "class Mode(torch.overrides.TorchFunctionMode):\n"
        "    def __torch_function__(self, function, types, args=(), kwargs=None):\n"
        "        out = function(*args, **(kwargs or {}))\n"
        "        return out[: int(READ)] if function is torch.mm else out\n\n"
        "def step(x):\n    with Mode():\n        return torch.mm(x, x)"
    ),
    "vmap": "def step(x):\n    return torch.vmap(lambda row: row[: int(READ)])(x)",
    "gradient of a function": (
        "def step(x):\n    return torch.func.grad(lambda t: mix(t, READ).sum())(x)"
    ),
    "tensor subclass": (
        "class Sub(torch.Tensor):\n    @classmethod\n"
        "    def __torch_function__(cls, function, types, args=(), kwargs=None):\n"
        "        out = super().__torch_function__(function, types, args, kwargs or {})\n"
        "        return out[: int(READ)] if function is torch.mm else out\n\n"
        "def step(x):\n    return torch.mm(x.as_subclass(Sub), x).as_subclass(torch.Tensor)"
    ),
    "what a tensor does with operators": (
        "class Held(torch.Tensor):\n    @staticmethod\n    def __new__(cls, inner):\n"
        "        about = {'dtype': inner.dtype, 'device': inner.device}\n"
        "        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, **about)\n"
        "    def __init__(self, inner):\n        self.inner = inner\n"
        "    def __tensor_flatten__(self):\n        return ['inner'], None\n"
        "    @staticmethod\n    def __tensor_unflatten__(inner, about, size, stride):\n"
        "        return Held(inner['inner'])\n"
        "    @classmethod\n"
        "    def __torch_dispatch__(cls, operator, types, args=(), kwargs=None):\n"
        "        args = [a.inner if isinstance(a, Held) else a for a in args]\n"
        "        out = operator(*args, **(kwargs or {}))\n"
        "        return mix(out, READ) if operator is torch.ops.aten.mm.default else out\n"
        "    def _stable_hash_for_caching(self):\n        return ''\n\n"
        "held = Held(torch.eye(8))\n\ndef step(x):\n    return torch.mm(x, held)"
    ),
}

EDITS = ("held", "done", "moved")
MODES = ("frames", "graphs", "context")

_IMPORTS = (
    "import abc, collections, contextlib, contextvars, dataclasses, enum, functools, operator, os\n"
    "import threading, types, typing, weakref\nimport numpy\n"
    "import torch\nimport torch.utils.checkpoint\n\n"
)


@dataclass(frozen=True)
class Program:
    """One program and its edit, in one mode.

    Attributes:
        holder, reach, edit, mode: which of the above.
        name: of its modules and operators.
    """

    holder: str
    reach: str
    edit: str
    mode: str
    name: str

    @property
    def title(self) -> str:
        """Names the program for `--program`."""
        return "/".join((self.holder, self.reach, self.edit, self.mode))

    def sources(self, *, edited: bool) -> dict[str, str]:
        """The sources of its modules by name."""
        held, read = HOLDERS[self.holder]
        value = "3" if edited and self.edit == "held" else "2"
        done = f"({read} + 1)" if edited and self.edit == "done" else read
        above = "# A comment.\n\n\n" if edited and self.edit == "moved" else ""
        name = self.name.upper()
        library = above + _IMPORTS + _WRAPS + _filled(held, value, name)
        program = f"{above}{_IMPORTS}import {self.name}_lib as lib\n\n{_MIX}"
        program += _filled(REACHES[self.reach].replace("READ", done), value, name)
        return {f"{self.name}_lib": f"{library}\n", self.name: f"{program}\n"}


def _filled(text: str, value: str, name: str) -> str:
    """V is the number where it stands alone, and NAME the program's."""
    return re.sub(r"\bV\b", value, re.sub(r"\bNAME\b", name.lower(), text))


def program(seed: int, number: int) -> Program:
    """The program of this number in the sequence of a seed."""
    chance = random.Random(f"{seed} {number}")
    return Program(
        chance.choice(list(HOLDERS)),
        chance.choice(list(REACHES)),
        chance.choices(EDITS, (8, 1, 1))[0],
        chance.choices(MODES, (6, 3, 1))[0],
        f"edit_{seed}_{number}",
    )
