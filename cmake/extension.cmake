# The Cython extension pyce/_core, built by scikit-build-core. SKBUILD_SABI_VERSION is empty where the wheel is for one
# Python version alone (wheel.py-api in pyproject.toml).
find_package(Python COMPONENTS Interpreter Development.Module ${SKBUILD_SABI_COMPONENT} REQUIRED)
find_package(Cython 3.3 MODULE REQUIRED)
include(UseCython)

cython_transpile(pyce/_core.pyx LANGUAGE C MODULE_NAME pyce._core OUTPUT_VARIABLE core_c CYTHON_ARGS -3)
set(stable_abi)
if(NOT "${SKBUILD_SABI_VERSION}" STREQUAL "")
  set(stable_abi USE_SABI ${SKBUILD_SABI_VERSION})
endif()
python_add_library(_core MODULE ${core_c} WITH_SOABI ${stable_abi})
target_link_libraries(_core PRIVATE pyce)
set(origin "$ORIGIN")
if(APPLE)
  set(origin "@loader_path")
endif()
set_target_properties(_core PROPERTIES INSTALL_RPATH ${origin}/lib C_STANDARD 11 C_EXTENSIONS ON)
install(TARGETS _core LIBRARY DESTINATION .)
