/**
 * What a conda package is in the Python index. Only what is known to be the same software is mapped: a name that two channels of
 * distribution give to different projects would install a stranger's package.
 */
export type CondaName =
  | { readonly kind: 'distribution'; readonly name: string }
  /** Part of a wheel or of the base: nothing to install. */
  | { readonly kind: 'included'; readonly why: string }
  /** Not a Python package: where it can come from instead. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'unknown' };

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** The same project under the same name in both. */
const same = new Set(
  words(`
  absl-py accelerate adjusttext affine aiohttp altair alembic anndata anyio appdirs arrow arviz asttokens astropy async-timeout attrs
  autograd babel backcall beautifulsoup4 biopython black bleach blinker bokeh boto3 botocore bottleneck branca brotli cachetools
  cartopy catboost category_encoders certifi cffi cftime chardet charset-normalizer click cligj cloudpickle cmdstanpy colorama
  colorcet comm contourpy coverage cryptography cvxopt cvxpy cycler cython cytoolz dash dask dask-ml dask-searchcv datasets datashader dateparser
  debugpy decorator defusedxml deprecated descartes dill distributed dnspython docutils duckdb einops entrypoints et_xmlfile
  evaluate executing faker fastapi fastparquet filelock filterpy fiona flake8 flask flatbuffers flax folium fonttools fsspec
  fuzzywuzzy gast gensim geopandas geopy geoviews gitpython google-auth google-cloud-storage gpflow gpytorch greenlet h5netcdf h5py
  hdbscan holidays holoviews html5lib httpx huggingface_hub hvplot hyperopt hypothesis idna imageio imagesize imbalanced-learn
  importlib-metadata importlib_metadata importlib-resources importlib_resources iniconfig intake ipykernel ipympl ipython
  ipython_genutils ipyleaflet ipywidgets isort itsdangerous jax jaxlib jedi jinja2 jmespath joblib json5 jsonschema jupyter
  jupyter_client jupyter_core jupyter_server jupyter-lsp jupyterlab jupyterlab_server jupyterlab_widgets jupytext kaggle keras kiwisolver
  langdetect lazy-object-proxy librosa lifelines lightgbm lightning lime llvmlite locket loguru lxml lz4 mako mapclassify markdown
  markupsafe matplotlib matplotlib-inline mccabe mistune mizani mlflow mlxtend mne more-itertools mpmath msgpack multidict
  multiprocess murmurhash mypy mypy_extensions mysqlclient nbclient nbconvert nbformat nest-asyncio netcdf4 networkx nibabel nilearn
  nltk nodeenv notebook numba numexpr numpy numpyro oauthlib odfpy onnx onnxruntime openpyxl opt_einsum optax optuna
  osmnx packaging pandas pandas-datareader pandas-profiling pandocfilters panel papermill param parso partd pathlib2
  pathspec patsy pendulum pep8 pexpect pickleshare pillow pingouin pint platformdirs plotly plotnine pluggy polars ply
  prettytable prometheus_client prompt-toolkit prompt_toolkit prophet protobuf psutil psycopg2 ptyprocess pure_eval py pyarrow
  pyasn1 pycodestyle pycparser pydantic pydeck pydicom pydot pydotplus pyflakes pygments pyjwt pylint pymc pymc3 pymongo pymysql
  pyodbc pyopenssl pyparsing pyproj pyro-ppl pyrsistent pyshp pysocks pytest pytest-cov python-dateutil python-dotenv
  python-louvain pytorch-lightning pytz pyviz_comms pywavelets pyyaml pyzmq qgrid qtconsole rasterio rasterstats regex requests
  requests-oauthlib rich rioxarray rsa rtree ruamel.yaml s3fs s3transfer sacremoses scanpy scikit-image scikit-learn scikit-optimize scipy
  seaborn selenium send2trash sentence-transformers sentencepiece setuptools sh shap shapely simplejson six skl2onnx sklearn-pandas
  smart_open sniffio snowballstemmer sortedcontainers soupsieve spacy sphinx sqlalchemy sqlparse srsly stack_data statsmodels
  statsforecast streamlit sympy tabulate tblib tenacity tensorboard tensorflow tensorflow-hub tensorflow-probability termcolor
  terminado testpath textblob textdistance thinc threadpoolctl thriftpy2 tifffile tinycss2 tokenizers toml tomli toolz torchaudio torchmetrics torchvision
  tornado tox tqdm traitlets transformers tsfresh typer typing-extensions typing_extensions tzdata tzlocal ujson umap-learn unidecode
  uncertainties urllib3 uvicorn vega_datasets virtualenv visions wandb wasabi watchdog wcwidth webencodings websocket-client
  werkzeug wheel widgetsnbextension wordcloud wrapt xarray xgboost xlrd xlsxwriter xlwt yarl yellowbrick zarr zict zipp zstandard
  `),
);

/** The same project, called otherwise. */
const renamed: Readonly<Record<string, string>> = {
  'dask-core': 'dask',
  'python-duckdb': 'duckdb',
  'geopandas-base': 'geopandas',
  'matplotlib-base': 'matplotlib',
  'msgpack-python': 'msgpack',
  opencv: 'opencv-python-headless',
  'py-opencv': 'opencv-python-headless',
  pytables: 'tables',
  pytorch: 'torch',
  'pytorch-cpu': 'torch',
  'py-xgboost': 'xgboost',
  'py-xgboost-cpu': 'xgboost',
  'python-graphviz': 'graphviz',
  'python-xxhash': 'xxhash',
  'seaborn-base': 'seaborn',
  'spacy-base': 'spacy',
  'tensorflow-base': 'tensorflow',
  'tensorflow-cpu': 'tensorflow',
};

/** Libraries and tools of a conda environment that wheels or the base bring along. */
const included: readonly { readonly names: ReadonlySet<string>; readonly why: string }[] = [
  {
    names: new Set(
      words(
        'blas libblas libcblas liblapack liblapacke libopenblas openblas mkl mkl-service mkl_fft mkl_random intel-openmp llvm-openmp _openmp_mutex libgfortran-ng libgfortran4 libgfortran5 nomkl tbb libgomp',
      ),
    ),
    why: 'the wheels bring their own linear algebra',
  },
  {
    names: new Set(
      words(
        '_libgcc_mutex libgcc libgcc-ng libstdcxx libstdcxx-ng ld_impl_linux-64 ca-certificates openssl readline sqlite libsqlite tk xz zlib libzlib bzip2 ncurses libffi libuuid libnsl libxcrypt libedit zstd lz4-c libev krb5 libcurl libssh2 libnghttp2 nspr nss expat libexpat libxcb icu pcre pcre2 gettext glib libglib dbus fontconfig freetype libpng libjpeg-turbo jpeg libtiff libwebp libwebp-base libdeflate lerc openjpeg giflib lcms2 hdf5 libnetcdf hdf4 libprotobuf abseil-cpp libabseil re2 snappy libthrift arrow-cpp libarrow aws-c-common geos libspatialite proj libgdal poppler cairo pixman harfbuzz graphite2 libiconv libxml2 libxslt yaml libyaml zeromq libsodium qhull brotli-bin libbrotlicommon libbrotlidec libbrotlienc pthread-stubs xorg-libxau xorg-libxdmcp qt qt-main pyqt sip gst-plugins-base gstreamer',
      ),
    ),
    why: 'a library that comes with the wheels that use it, or with the base',
  },
  {
    names: new Set(
      words(
        'pip conda conda-build conda-package-handling anaconda-client anaconda anaconda-navigator mamba nb_conda nb_conda_kernels',
      ),
    ),
    why: 'installing is done before the image is made',
  },
];

const refused: Readonly<Record<string, string>> = {
  cudatoolkit: 'CUDA comes with the wheels of torch and tensorflow that need it',
  cudnn: 'CUDA comes with the wheels of torch and tensorflow that need it',
  'pytorch-cuda': 'CUDA comes with the wheels of torch that need it',
  gdal: 'its Python package has no wheels; rasterio and fiona bring GDAL with them',
  graphviz: 'it is a program: put graphviz into apt.txt, and python-graphviz here for the package',
  nodejs: 'it is a program: put nodejs into apt.txt',
  git: 'it is a program: put git into apt.txt',
  ffmpeg: 'it is a program: put ffmpeg into apt.txt',
  gcc: 'packages are built in a workload of their own: name what needs it',
  compilers: 'packages are built in a workload of their own: name what needs them',
  openjdk: 'it is a program: put default-jre-headless into apt.txt',
  make: 'it is a program: put make into apt.txt',
};

/** What a name of an environment.yml means here; names are compared as conda does, in lower case. */
export function condaName(raw: string): CondaName {
  const name = raw.toLowerCase();
  const known = included.find(({ names }) => names.has(name));
  if (known !== undefined) return { kind: 'included', why: known.why };
  if (Object.hasOwn(refused, name)) return { kind: 'refused', why: refused[name] ?? '' };
  if (Object.hasOwn(renamed, name)) return { kind: 'distribution', name: renamed[name] ?? name };
  if (same.has(name)) return { kind: 'distribution', name };
  if (/^r(?:-|$)/.test(name)) return { kind: 'refused', why: 'R has no base here' };
  if (/^lib|^xorg-|^_|-(?:linux|unix)-64$/.test(name))
    return { kind: 'included', why: 'a library that comes with the wheels that use it, or with the base' };
  return { kind: 'unknown' };
}
