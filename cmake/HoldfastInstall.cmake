# What `cmake --install` puts in place: library, headers, and the package that find_package finds.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

option(HOLDFAST_INSTALL "Make install rules" ${HOLDFAST_TOP_LEVEL})
if(NOT HOLDFAST_INSTALL)
  return()
endif()

set(HOLDFAST_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/holdfast)
get_target_property(HOLDFAST_LIBRARY_TYPE holdfast TYPE)

install(TARGETS holdfast EXPORT holdfastTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/holdfast DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  PATTERN crashlab EXCLUDE)
install(EXPORT holdfastTargets NAMESPACE holdfast:: DESTINATION ${HOLDFAST_PACKAGE_DIR})

# For builds that don't use CMake. Who links a static library links what it needs as well.
file(RELATIVE_PATH HOLDFAST_PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
set(HOLDFAST_PC_PRIVATE ".private")
if(HOLDFAST_LIBRARY_TYPE STREQUAL "STATIC_LIBRARY")
  set(HOLDFAST_PC_PRIVATE "")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/holdfast.pc.in ${PROJECT_BINARY_DIR}/holdfast.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/holdfast.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# A component of its own, for find_package and for `cmake --install --component crashlab`.
if(HOLDFAST_CRASHLAB)
  install(TARGETS holdfast_crashlab EXPORT holdfastCrashlabTargets COMPONENT crashlab
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT crashlab)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/holdfast/crashlab
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/holdfast COMPONENT crashlab)
  install(EXPORT holdfastCrashlabTargets NAMESPACE holdfast:: DESTINATION ${HOLDFAST_PACKAGE_DIR}
    COMPONENT crashlab)
  if(TARGET crashlab)
    install(TARGETS crashlab RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT crashlab)
  endif()
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/holdfastConfig.cmake.in
  ${PROJECT_BINARY_DIR}/holdfastConfig.cmake INSTALL_DESTINATION ${HOLDFAST_PACKAGE_DIR})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/holdfastConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/holdfastConfig.cmake
  ${PROJECT_BINARY_DIR}/holdfastConfigVersion.cmake DESTINATION ${HOLDFAST_PACKAGE_DIR})
