# Install rules, for `cmake --install` and for the wheel, where the prefix is the package folder pyce/.
set(namelink)
set(dll_dir ${CMAKE_INSTALL_BINDIR})
if(wheel)
  set(namelink NAMELINK_SKIP) # a wheel holds no symlinks: the link would be a second copy
  set(dll_dir .)              # Windows looks for a DLL in the folder of the extension that needs it
endif()
install(
  TARGETS pyce
  EXPORT pyce-targets
  RUNTIME DESTINATION ${dll_dir}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ${namelink}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES c_src/include/pyce.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pyce)
configure_package_config_file(cmake/pyce-config.cmake.in pyce-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(pyce-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/pyce-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/pyce-config-version.cmake
        DESTINATION ${package_dir})
install(EXPORT pyce-targets NAMESPACE pyce:: DESTINATION ${package_dir})

# The pkg-config file finds its prefix from its own place, so that an installed tree may be moved. The directories of
# an installation may be absolute, too.
set(pc_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${pc_dir} OUTPUT_VARIABLE pc_prefix)
foreach(dir LIBDIR INCLUDEDIR)
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_${dir} BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE pc_${dir})
endforeach()
set(pc_libs -lpyce)
set(pc_cflags)
if(wheel)
  set(pc_libs [[${libdir}/$<TARGET_FILE_NAME:pyce>]]) # the wheel has no libpyce.so
  if(WIN32)
    set(pc_libs [[${libdir}/$<TARGET_LINKER_FILE_NAME:pyce>]]) # the import library
  endif()
endif()
if(NOT PYCE_SHARED)
  set(pc_cflags " -DPYCE_STATIC")
  list(JOIN private_libraries " " needed) # in Libs: there is no shared library beside it
  string(APPEND pc_libs " ${needed}")
endif()
configure_file(cmake/pyce.pc.in pyce.pc.generate @ONLY)
file(GENERATE OUTPUT pyce.pc INPUT ${CMAKE_CURRENT_BINARY_DIR}/pyce.pc.generate)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/pyce.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
